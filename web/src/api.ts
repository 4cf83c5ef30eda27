/** The server's API. Shapes are those of its OpenAPI document, as far as the page uses them. */

export type Lang = 'en' | 'it';
export type Saying = 'present' | 'suggested' | 'absent' | 'unknown';
export type Verdict = 'accepted' | 'rejected' | 'open';

export interface Named { id: string; name: string }
export interface Group extends Named { exclusive: boolean; findings: string[] }
export interface Modality extends Named { findings: string[] }
export interface Interval { from: number; to: number; sex: string | null; low: number; high: number }
export interface Analyte extends Named {
  search: string[]; specimen: string; binary: boolean; unit: string | null; accepted: string[];
  assay_dependent: boolean; reference: Interval[];
}
export interface Vocabulary {
  language: Lang;
  modalities: Modality[];
  groups: Group[];
  findings: Record<string, { name: string; definition: string; search: string[] }>;
  analytes: Analyte[];
  sites: Named[];
  quantities: (Named & { unit: string })[];
  settings: (Named & { description: string })[];
  diagnoses: (Named & { mechanism: string; nature: string })[];
  kinds: Named[];
  levels: Named[];
  signs: Named[];
  intended_use: string;
  version: string;
}

export interface Row {
  id: string; added: string; title: string | null; age: number | null; sex: string | null; sites: string[];
  modalities: string[]; calcifications: number | null; edits: number;
  studies: { uid: string; patient: string; patient_id: string; date: string; description: string; modalities: string[] }[];
  leading: { diagnosis: string; name: string; probability: number } | null;
}

export interface FindingEvidence { id: string; name?: string; probability: number; because: string }
export interface Lesion {
  id: number; kind: string; kind_name: string; probability: number; decided_by: string; centre_mm: [number, number, number];
  volume_partial_mm3: number; volume_uncertainty_mm3: number; components: number; diameter_mm: number;
  box_mm: [[number, number, number], [number, number, number]];
  mean_hu: number; max_hu: number; findings: FindingEvidence[]; verdict: Verdict;
  level: { point_mm: [number, number, number]; normal: [number, number, number] } | null;
}
/** Between ossification of opposing bones; of either end the lesion, or null for a bone. */
export interface Gap {
  mm: number; uncertainty_mm: number; lesions: [number | null, number | null]; ends_mm: [[number, number, number], [number, number, number]];
}
export interface Job { id: number; study: string; state: string; error: string | null }
export interface Analysis {
  series: { uid: string; size: number[]; spacing_mm: number[]; noise_hu: number };
  warnings: string[];
  labels: { sha256: string; size: [number, number, number]; origin_mm: [number, number, number]; steps_mm: [number, number, number][] };
  lesions: Lesion[];
  findings: FindingEvidence[];
  gap: Gap | null;
}
export interface Series { uid: string; modality: string; description: string; number: number | null; instances: number; frame_of_reference: string }
export interface Study {
  uid: string; patient: string; patient_id: string; birth_date: string; date: string; description: string;
  modalities: string[]; series: Series[]; analysis: Analysis | null; job: Job | null;
}
export interface Block {
  modality: string; sites?: string[]; present?: string[]; absent?: string[]; [quantity: string]: unknown;
}
export interface Document {
  title?: string;
  patient?: { age?: number; sex?: string };
  history?: { present?: string[]; absent?: string[] };
  labs?: Record<string, string | number>;
  imaging?: Block[];
}
export interface CaseView {
  id: string; title: string | null; document: Document; setting: string;
  labs: { analyte: string; said: string; result: string; interval: [number, number] | null; unit: string | null }[];
  problems: { severity: string; kind: string; message?: string; help?: string; finding?: string; because?: string }[];
  studies: Study[];
  edit_count: number;
  /** The edit that an undo takes back. */
  undoable: number | null;
  /** The last ones. */
  edits: LoggedEdit[];
}
export interface LoggedEdit { number: number; made: string; who: string; body: Record<string, unknown>; holds: boolean }

export interface Missing { id: string; state: string; name: string; probability: number; decibans: number; information_bits: number }
export interface Ranked {
  diagnosis: string; name: string; mechanism: string; nature: string; probability: number; interval?: [number, number];
  leads?: number; prior_decibans: number; posterior_decibans: number;
  weights?: { fact: number; decibans: number }[]; expected?: Missing[];
}
export interface Differential {
  differential: Ranked[];
  mechanisms: { mechanism: string; name: string; probability: number }[];
  facts: { text: string; from_images: boolean; subject: string }[];
  implied: { name: string; by_name: string; modality: string }[];
  contradictions: { name: string; present: string[]; absent: string[] }[];
  unexplained: { fact: number; probability: number }[];
  lacking: Missing[];
  robustness?: { draws: number; fragile: boolean };
  gradings: { grading: string; name: string; grade: string; diagnosis_name: string; besides?: string; to_decide?: string; note: string; agreement: string[] }[];
}
export interface Advice {
  alarms: { alarm: string; urgency: string; name: string; text: string }[];
  sufficiency: { leader_change: number; insufficient: boolean; strange: boolean };
  examinations: {
    examination: string; name: string; bits: number; leader_change: number; score: number;
    burden: { dose_msv?: number }; warnings: { severity: string; text: string }[];
    questions: { id: string; bits: number; outcomes: { name: string; probability: number; leader_name: string; leader_probability: number }[] }[];
  }[];
}
export interface Comparison {
  names: [string, string]; probabilities: [number, number]; prior_decibans: number; posterior_decibans: number;
  facts: string[]; weights: { fact: number; decibans: number }[];
  would_separate: { id: string; expected_decibans: number; states: { state: string; name: string; decibans: number }[] }[];
}
export interface Change {
  earlier: { value: number }; later: { value: number }; difference: number; interval: [number, number]; limit: number;
  verdict: string; verdict_name: string;
}
/** What has changed between two measured studies; lesions by their ids in either. */
export interface Changes {
  earlier: string; later: string; days: number | null; registration: string; warnings: string[]; limit: string; burden: Change;
  lesions: {
    id: number; kind_name: string; outcome: string; outcome_name: string; earlier: number[]; later: number[];
    centre_mm: [number, number, number]; volume: Change; told: string[];
  }[];
}
export interface OtherStudy { uid: string; date: string; description: string; modalities: string[] }
export interface Source { id: string; title: string; journal: string | null; year: number | null; link: string | null }
export interface Card { id: string; text: string; sources: Source[] }
export interface Taken { cases: string[]; studies: string[]; instances: number; left_out: { file: string; reason: string }[] }
export type Edit = { kind: string } & Record<string, unknown>;

export interface Who { name: string; role: 'reader' | 'editor' | 'admin'; means: 'local' | 'token' | 'openid' }

/** What the server says is wrong; `login` is where people log in, where they can. */
export class ServerError extends Error {
  constructor(readonly status: number, detail: string, readonly login: string | null = null) {
    super(detail);
  }
}

/** Without it the server lets a cookie change nothing: a page of another origin cannot add it. */
const CSRF = 'x-apatite-csrf';

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers: { [CSRF]: '1', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw await problem(response);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

async function problem(response: Response): Promise<ServerError> {
  const told = (await response.json().catch(() => ({}))) as { detail?: string; login?: string };
  return new ServerError(response.status, told.detail ?? response.statusText, told.login);
}

export const api = {
  session: () => ask<Who>('GET', '/session'),
  login: (token: string) => ask<Who>('POST', '/session', { token }),
  logout: () => ask<{ provider: string | null }>('DELETE', '/session'),
  vocabulary: (lang: Lang) => ask<Vocabulary>('GET', `/vocabulary?lang=${lang}`),
  worklist: (lang: Lang) => ask<Row[]>('GET', `/cases?lang=${lang}`),
  case: (id: string, lang: Lang) => ask<CaseView>('GET', `/cases/${id}?lang=${lang}`),
  differential: (id: string, lang: Lang, draws: number) =>
    ask<Differential>('GET', `/cases/${id}/differential?lang=${lang}&explain=10&draws=${draws}`),
  edit: (id: string, lang: Lang, edit: Edit) =>
    ask<{ case: CaseView; differential: Differential }>('POST', `/cases/${id}/edits?lang=${lang}&explain=10`, edit),
  edits: (id: string) => ask<LoggedEdit[]>('GET', `/cases/${id}/edits`),
  changes: (id: string, earlier: string, later: string, lang: Lang) =>
    ask<Changes>('GET', `/cases/${id}/changes?earlier=${earlier}&later=${later}&lang=${lang}`),
  otherStudies: (id: string) => ask<OtherStudy[]>('GET', `/cases/${id}/other-studies`),
  whatIf: (id: string, lang: Lang, edits: Edit[]) =>
    ask<Differential>('POST', `/cases/${id}/what-if?lang=${lang}&explain=10`, { edits }),
  compare: (id: string, lang: Lang, a: string, b: string) =>
    ask<Comparison>('GET', `/cases/${id}/compare?a=${a}&b=${b}&lang=${lang}`),
  advice: (id: string, lang: Lang) => ask<Advice>('GET', `/cases/${id}/advice?lang=${lang}`),
  card: (id: string, lang: Lang) => ask<Card>('GET', `/knowledge/${id}?lang=${lang}`),
  analyse: (study: string) => ask<Job>('POST', `/studies/${study}/analysis`),
  cancel: (job: number) => ask<Job>('DELETE', `/jobs/${job}`),
  async labels(caseId: string, study: string): Promise<Uint16Array> {
    const response = await fetch(`/api/v1/cases/${caseId}/studies/${study}/labels`);
    if (!response.ok) throw await problem(response);
    return new Uint16Array(await response.arrayBuffer());
  },
  async metadata(study: string, series: string): Promise<Record<string, { vr: string; Value?: unknown[] }>[]> {
    const response = await fetch(`/dicomweb/studies/${study}/series/${series}/metadata`);
    if (!response.ok) throw await problem(response);
    return response.json();
  },
  /** Sends files with their paths; `progress` is told the share that is sent. */
  upload(files: { name: string; file: File }[], progress: (share: number) => void): Promise<Taken> {
    return new Promise((resolve, reject) => {
      const form = new FormData();
      for (const { name, file } of files) form.append('file', file, name);
      const request = new XMLHttpRequest();
      request.open('POST', '/api/v1/uploads');
      request.setRequestHeader(CSRF, '1');
      request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
      request.onload = () => {
        const body = JSON.parse(request.responseText || '{}');
        if (request.status < 300) resolve(body as Taken);
        else reject(new ServerError(request.status, body.detail ?? request.statusText, body.login));
      };
      request.onerror = () => reject(new ServerError(0, 'no answer'));
      request.send(form);
    });
  },
};
