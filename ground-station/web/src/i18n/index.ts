// The language in force, and how a sentence is filled. Never holds words itself.
import { signal, computed, effect } from "@preact/signals";
import { zh } from "./zh.ts";
import { en } from "./en.ts";
import type { Code, CodeGroup } from "./codes.ts";

export type Lang = "zh-CN" | "en";
export type Params = Record<string, string | number | null | undefined>;
export type UiKey = keyof typeof zh.ui;

const stored = localStorage.getItem("lang");
export const lang = signal<Lang>(stored === "en" || stored === "zh-CN" ? stored : "zh-CN");
/** True when the officer has chosen; the server's default counts only before that. */
export const chosen = () => localStorage.getItem("lang") !== null;
const dict = computed(() => (lang.value === "en" ? en : zh));

effect(() => { document.documentElement.lang = lang.value; });

export function toggleLang(): void {
  lang.value = lang.value === "en" ? "zh-CN" : "en";
  localStorage.setItem("lang", lang.value);
}

/** Figures: whole numbers stay, others get one decimal below 100. */
export function figure(v: number | string): string {
  if (typeof v === "string") return v;
  if (!Number.isFinite(v)) return "–";
  return Number.isInteger(v) || Math.abs(v) >= 100 ? String(Math.round(v)) : v.toFixed(1);
}

/** Fills `{x}`; a `[part]` with a missing parameter is left out. */
export function fill(sentence: string, params: Params = {}): string {
  const missing = (k: string) => { const v = params[k]; return v === null || v === undefined || (typeof v === "number" && !Number.isFinite(v)); };
  const part = (s: string) => s.replace(/\{(\w+)\}/g, (_, k: string) => (missing(k) ? "–" : figure(params[k] as string | number)));
  return part(sentence.replace(/\[([^\]]*)\]/g, (_, inner: string) => ([...inner.matchAll(/\{(\w+)\}/g)].some((m) => missing(m[1] as string)) ? "" : inner)));
}

/** Venue files may name a place in both languages, "中文 English": the half that is asked for, or the whole when it is not of that kind. */
export function localName(name: string): string {
  const m = /^([^A-Za-z]*[\u3400-\u9fff][^A-Za-z]*?)\s+([A-Za-z].{3,})$/.exec(name);
  return m ? (lang.value === "en" ? m[2] : m[1]) ?? name : name;
}

/** A word of the page itself. */
export function t(key: UiKey, params?: Params): string {
  return fill(dict.value.ui[key], params);
}

/** The figure of a preflight check, in words; nothing for one without a figure. */
export function checkFigure(check: string, value: number | null): string {
  const sentence = (dict.value.codes.check_figure as Record<string, string>)[check];
  return value === null || !Number.isFinite(value) ? "" : fill(sentence ?? "{value}", { value });
}

/** The sentence of a code. A code this page does not know is shown as it came, never hidden. */
export function word<G extends CodeGroup>(group: G, code: Code<G> | string, params?: Params): string {
  const sentence = (dict.value.codes[group] as Record<string, string>)[code];
  return sentence === undefined ? code : fill(sentence, params);
}
