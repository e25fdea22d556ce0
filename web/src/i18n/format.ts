/** Dates, numbers and money as the locale in use writes them. */
import { i18n } from "./index.svelte";

const zone = () => place.zone;
/** The company's zone once it is known; until then the browser's. */
export const place = { zone: Intl.DateTimeFormat().resolvedOptions().timeZone };

/** `-u-nu-latn`: amounts and dates are compared with papers that have western digits. */
const tag = () => (i18n.locale === "ar" ? "ar-u-nu-latn" : i18n.locale === "en" ? "en-GB" : i18n.locale);

export const number = (value: number, options?: Intl.NumberFormatOptions): string =>
  new Intl.NumberFormat(tag(), options).format(value);

export const percent = (value: number): string => number(value, { style: "percent", maximumFractionDigits: 1 });

/** Of an amount in minor units. */
export function money(minor: number, currency: string, options?: Intl.NumberFormatOptions): string {
  const format = new Intl.NumberFormat(tag(), { style: "currency", currency, ...options });
  return format.format(minor / 10 ** digits(currency));
}

/** How many digits of a currency are its minor units. */
export function digits(currency: string): number {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** Of a day without a time, such as `2026-01-31`. */
export const day = (date: string): string =>
  new Intl.DateTimeFormat(tag(), { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${date.slice(0, 10)}T00:00:00Z`));

export const dateTime = (time: string): string =>
  new Intl.DateTimeFormat(tag(), { dateStyle: "medium", timeStyle: "short", timeZone: zone() }).format(new Date(time));

export const clock = (time: string): string =>
  new Intl.DateTimeFormat(tag(), { timeStyle: "short", timeZone: zone() }).format(new Date(time));

export const dayOf = (time: string): string =>
  new Intl.DateTimeFormat(tag(), { dateStyle: "full", timeZone: zone() }).format(new Date(time));

/** A key that two times of one day share. */
export const dayKey = (time: string): string =>
  new Intl.DateTimeFormat("sv", { dateStyle: "short", timeZone: zone() }).format(new Date(time));

export const month = (yearMonth: string, long = false): string =>
  new Intl.DateTimeFormat(tag(), { month: long ? "long" : "short", ...(long && { year: "numeric" }), timeZone: "UTC" }).format(
    new Date(`${yearMonth}-01T00:00:00Z`),
  );

/** How long ago, in the largest fitting unit. */
export function ago(time: string, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const format = new Intl.RelativeTimeFormat(tag(), { numeric: "auto", style: "short" });
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, "minute");
}

export function bytes(size: number): string {
  const [unit, value] = size >= 1e6 ? ["megabyte", size / 1e6] : ["kilobyte", Math.max(1, size / 1e3)];
  return number(Number(value), { style: "unit", unit: String(unit), maximumFractionDigits: size >= 1e6 ? 1 : 0 });
}
