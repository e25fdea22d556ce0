/** Words for the one locale in use. Each locale is a chunk of its own; `en` gives the type. */
import type { Messages } from "./en";

export const LOCALES = { en: "English", ar: "العربية", fr: "Français", de: "Deutsch" } as const;
export type Locale = keyof typeof LOCALES;
const RIGHT_TO_LEFT = new Set<Locale>(["ar"]);
const KEY = "nexus-locale";

const modules: Record<Locale, () => Promise<{ default: Messages }>> = {
  en: () => import("./en"),
  ar: () => import("./ar"),
  fr: () => import("./fr"),
  de: () => import("./de"),
};

let words = $state.raw<Messages>();
let current = $state<Locale>("en");

/** `t.auth.signIn`: read in markup or `$derived`, it follows a change of the locale. */
export const t = new Proxy({} as Messages, {
  get: (_, feature) => (words as unknown as Record<string | symbol, unknown> | undefined)?.[feature],
});

export const i18n = {
  get locale(): Locale {
    return current;
  },
};

function isLocale(given: string | null | undefined): given is Locale {
  return given !== null && given !== undefined && given in LOCALES;
}

/** What was chosen on this device, else what the browser asks for, else English. */
export function preferred(): Locale {
  const stored = localStorage.getItem(KEY);
  if (isLocale(stored)) return stored;
  const asked = navigator.languages.map((tag) => tag.split("-")[0]);
  return asked.find(isLocale) ?? "en";
}

export async function useLocale(locale: Locale, keep = true): Promise<void> {
  const { default: loaded } = await modules[locale]();
  words = loaded;
  current = locale;
  document.documentElement.lang = locale;
  document.documentElement.dir = RIGHT_TO_LEFT.has(locale) ? "rtl" : "ltr";
  if (keep) localStorage.setItem(KEY, locale);
}

/** A form of a word by number: `plural("en", 2, { one: "day", other: "days" })`. */
export function plural(locale: string, count: number, forms: Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }): string {
  const form = forms[new Intl.PluralRules(locale).select(count)] ?? forms.other;
  return form.replace("#", new Intl.NumberFormat(locale).format(count));
}
