// Day and night. Kept over reloads.
import { effect, signal } from "@preact/signals";
import type { Theme } from "./map/style.ts";

export const theme = signal<Theme>(localStorage.getItem("theme") === "night" ? "night" : "day");
effect(() => { document.documentElement.dataset["theme"] = theme.value; });
export function toggleTheme(): void {
  theme.value = theme.value === "day" ? "night" : "day";
  localStorage.setItem("theme", theme.value);
}
