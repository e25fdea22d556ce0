export interface Toast {
  id: number;
  text: string;
  tone: "good" | "bad";
}

const LASTS = 6_000;
let last = 0;
let shown = $state.raw<Toast[]>([]);

export const toasts = {
  get all(): Toast[] {
    return shown;
  },
  add(text: string, tone: Toast["tone"] = "good"): void {
    const id = ++last;
    shown = [...shown, { id, text, tone }];
    setTimeout(() => toasts.remove(id), LASTS);
  },
  remove(id: number): void {
    shown = shown.filter((toast) => toast.id !== id);
  },
};
