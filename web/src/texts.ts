/** The page's own words, from the Fluent files that the program's other texts stand beside. */
import { FluentBundle, FluentResource, type FluentVariable } from '@fluent/bundle';
import english from '../../crates/apatite-text/locales/en/page.ftl?raw';
import italian from '../../crates/apatite-text/locales/it/page.ftl?raw';
import type { Lang } from './api';

const bundles = { en: bundle('en', english), it: bundle('it', italian) };

function bundle(lang: Lang, text: string): FluentBundle {
  const made = new FluentBundle(lang, { useIsolating: false });
  made.addResource(new FluentResource(text));
  return made;
}

export function text(lang: Lang, key: string, values: Record<string, FluentVariable> = {}): string {
  const message = bundles[lang].getMessage(`page-${key}`);
  return message?.value ? bundles[lang].formatPattern(message.value, values) : key;
}

/** A probability in per cent: whole from 10 to 90 %, with a decimal nearer the ends. */
export function percent(lang: Lang, probability: number): string {
  const value = probability * 100;
  if (value > 0 && value < 0.1) return `<${number(lang, 0.1, 1)} %`;
  if (value > 99.9 && value < 100) return `>${number(lang, 99.9, 1)} %`;
  return `${number(lang, value, value >= 10 && value < 90 ? 0 : 1)} %`;
}

export function number(lang: Lang, value: number, decimals: number): string {
  return value.toLocaleString(lang, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export function decibans(lang: Lang, value: number): string {
  const shown = Math.abs(value) < 0.05 ? 0 : value;
  return `${shown >= 0 ? '+' : '−'}${number(lang, Math.abs(shown), 1)}`;
}

/** A date of DICOM as ISO 8601 writes it. */
export function dicomDate(value: string): string {
  return value.length === 8 ? `${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6)}` : value;
}
