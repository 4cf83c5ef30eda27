/** What the page shows, and what changes it. */
import { api, ServerError, type Advice, type CaseView, type Differential, type Edit, type Lang, type Row, type Vocabulary, type Who } from './api';
import { text } from './texts';

type Theme = 'dark' | 'light';

function stored<T extends string>(key: string, known: readonly T[], fallback: T): T {
  const value = localStorage.getItem(key) as T | null;
  return value && known.includes(value) ? value : fallback;
}

class Page {
  lang = $state<Lang>(stored('apatite-lang', ['en', 'it'], navigator.language.startsWith('it') ? 'it' : 'en'));
  theme = $state<Theme>(stored('apatite-theme', ['dark', 'light'], 'dark'));
  who = $state.raw<Who | null>(null);
  needsToken = $state(false);
  /** Where people log in, where a provider is configured. */
  loginAt = $state<string | null>(null);
  vocabulary = $state.raw<Vocabulary | null>(null);
  rows = $state.raw<Row[]>([]);
  case = $state.raw<CaseView | null>(null);
  differential = $state.raw<Differential | null>(null);
  advice = $state.raw<Advice | null>(null);
  /** Facts that are supposed and not stored. */
  supposed = $state.raw<Edit[]>([]);
  supposedDifferential = $state.raw<Differential | null>(null);
  /** While this is on, clicks on facts suppose instead of store. */
  supposing = $state(false);
  lesion = $state<{ study: string; id: number } | null>(null);
  /** Where the pictures are sent, LPS mm. */
  point = $state.raw<[number, number, number] | null>(null);
  card = $state<string | null>(null);
  jobs = $state<Record<string, { id: number; state: string; step: string; share: number }>>({});
  upload = $state<{ share: number } | null>(null);
  message = $state<{ text: string; bad: boolean } | null>(null);

  #latest = 0;

  t = (key: string, values: Record<string, string | number> = {}) => text(this.lang, key, values);

  async start(): Promise<void> {
    document.documentElement.dataset.theme = this.theme;
    document.documentElement.lang = this.lang;
    await this.guarded(async () => {
      this.who = await api.session();
      this.needsToken = false;
      [this.vocabulary, this.rows] = await Promise.all([api.vocabulary(this.lang), api.worklist(this.lang)]);
      this.#listen();
      const id = location.hash.match(/^#\/case\/(\w+)$/)?.[1];
      if (id) await this.open(id);
    });
    window.addEventListener('hashchange', () => {
      const id = location.hash.match(/^#\/case\/(\w+)$/)?.[1];
      if (!id) this.close();
      else if (id !== this.case?.id) void this.open(id);
    });
  }

  async setLang(lang: Lang): Promise<void> {
    this.lang = lang;
    localStorage.setItem('apatite-lang', lang);
    document.documentElement.lang = lang;
    await this.guarded(async () => {
      this.vocabulary = await api.vocabulary(lang);
      await this.refresh();
      if (this.case) await this.open(this.case.id);
    });
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem('apatite-theme', theme);
    document.documentElement.dataset.theme = theme;
  }

  async login(token: string): Promise<void> {
    await this.guarded(async () => {
      await api.login(token);
      await this.start();
    });
  }

  /** Closes the session here and, where people log in at a provider, there. */
  async logout(): Promise<void> {
    await this.guarded(async () => {
      const { provider } = await api.logout();
      // nothing of the session stays in this window
      location.replace(provider ?? '/index.html?login=out');
    });
  }

  refresh = () => this.guarded(async () => void (this.rows = await api.worklist(this.lang)));

  async open(id: string): Promise<void> {
    await this.guarded(async () => {
      const [opened, differential] = await Promise.all([api.case(id, this.lang), api.differential(id, this.lang, 0)]);
      if (this.case?.id !== id) this.lesion = null;
      this.case = opened;
      this.#show(differential);
      location.hash = `#/case/${id}`;
    });
  }

  close(): void {
    this.case = null;
    this.differential = null;
    this.advice = null;
    this.stopSupposing();
    location.hash = '';
    void this.refresh();
  }

  /** Stores an edit, or supposes it while that is on. */
  async edit(edit: Edit): Promise<void> {
    const id = this.case?.id;
    if (!id) return;
    await this.guarded(async () => {
      if (this.supposing) {
        this.supposed = [...this.supposed.filter((other) => !sameSubject(other, edit)), edit];
        this.supposedDifferential = await api.whatIf(id, this.lang, this.supposed);
        return;
      }
      const answer = await api.edit(id, this.lang, edit);
      if (this.case?.id !== id) return;
      this.case = answer.case;
      this.#show(answer.differential);
    });
  }

  undo(): Promise<void> | undefined {
    const last = this.case?.undoable;
    return last == null ? undefined : this.edit({ kind: 'undo', edit: last });
  }

  stopSupposing(): void {
    this.supposing = false;
    this.supposed = [];
    this.supposedDifferential = null;
  }

  async take(files: { name: string; file: File }[]): Promise<void> {
    if (files.length === 0) return;
    this.upload = { share: 0 };
    await this.guarded(async () => {
      const taken = await api.upload(files, (share) => (this.upload = { share }));
      const values = { cases: taken.cases.length, instances: taken.instances, left: taken.left_out.length };
      const first = taken.left_out[0];
      const why = first ? ` ${first.file}: ${first.reason}` : '';
      this.say(this.t('taken', values) + why, taken.cases.length === 0);
      await this.refresh();
      if (taken.cases.length === 1 && taken.cases[0]) await this.open(taken.cases[0]);
    });
    this.upload = null;
  }

  say(told: string, bad = false): void {
    this.message = { text: told, bad };
  }

  async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof ServerError && error.status === 401) {
        this.who = null;
        this.needsToken = true;
        this.loginAt = error.login;
      }
      else this.say(error instanceof Error ? error.message : String(error), true);
    }
  }

  /** Shows a differential at once, and its intervals when they are drawn. */
  #show(differential: Differential): void {
    const id = this.case?.id;
    const turn = ++this.#latest;
    this.differential = differential;
    setTimeout(async () => {
      if (turn !== this.#latest || !id) return;
      const drawn = await api.differential(id, this.lang, 100).catch(() => null);
      if (drawn && turn === this.#latest) this.differential = drawn;
      const advice = await api.advice(id, this.lang).catch(() => null);
      if (turn === this.#latest) this.advice = advice;
    }, 400);
  }

  #listen(): void {
    const events = new EventSource('/api/v1/events');
    events.onmessage = ({ data }) => {
      const event = JSON.parse(data) as { event: string; id: number | string; study: string; state: string; step: string; share: number };
      if (event.event === 'job') {
        this.jobs[event.study] = { id: Number(event.id), state: event.state, step: event.step, share: event.share };
      } else if (!this.case) {
        void this.refresh();
      } else if (event.id === this.case.id) {
        void this.#reload(this.case.id);
      }
    };
  }

  /** Another reader, or an analysis, changed the case. */
  async #reload(id: string): Promise<void> {
    const fresh = await api.case(id, this.lang).catch(() => null);
    if (!fresh || this.case?.id !== id) return;
    const analysed = (view: CaseView) => view.studies.filter((study) => study.analysis).length;
    const changed = fresh.edit_count !== this.case.edit_count || analysed(fresh) !== analysed(this.case);
    if (!changed) return;
    this.case = fresh;
    const differential = await api.differential(id, this.lang, 0).catch(() => null);
    if (differential && this.case?.id === id) this.#show(differential);
  }
}

function sameSubject(a: Edit, b: Edit): boolean {
  const keys = ['kind', 'modality', 'finding', 'analyte', 'site', 'quantity', 'study', 'lesion'];
  return keys.every((key) => a[key] === b[key]);
}

export const page = new Page();
