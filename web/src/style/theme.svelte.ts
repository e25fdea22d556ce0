export type Theme = "system" | "light" | "dark";
const KEY = "nexus-theme";

function stored(): Theme {
  const given = localStorage.getItem(KEY);
  return given === "light" || given === "dark" ? given : "system";
}

let current = $state<Theme>(stored());

export const theme = {
  get value(): Theme {
    return current;
  },
  set value(next: Theme) {
    current = next;
    localStorage.setItem(KEY, next);
    applyTheme();
  },
};

export function applyTheme(): void {
  if (current === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = current;
}
