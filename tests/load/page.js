// How long a reader waits for pictures, told and not judged: from the click in the worklist to the first picture of a
// study of 512 x 512 x 400, to the last slice, and the frames while scrolling. Usage: node page.js PROGRAM STUDY_FOLDER;
// the script `pictures` makes the study and installs what this needs.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(join(import.meta.dirname, '../web/package.json'))('playwright-core');
const [program, study] = process.argv.slice(2);
const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const store = mkdtempSync(join(tmpdir(), 'apatite-load-'));
const server = spawn(program, ['serve', '--store', store, '--address', '127.0.0.1:0', study]);
server.stderr.resume();
const url = await new Promise((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim().split('\n')[0])));

/** Waits until no analysis runs. */
async function analysed() {
  for (;;) {
    const jobs = await (await fetch(new URL('api/v1/jobs', url))).json();
    if (jobs.length > 0 && jobs.every((job) => !['queued', 'running'].includes(job.state))) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** In the page: opens the first study and waits until its axial picture shows something; then until all of it is there. */
async function open() {
  const started = performance.now();
  document.querySelector('tbody tr').click();
  const isDrawn = () => {
    const canvas = document.querySelector('[data-testid=axial] canvas');
    if (!canvas?.width) return false;
    const middle = canvas.getContext('2d').getImageData(0, canvas.height >> 1, canvas.width, 1).data;
    return middle.some((value, at) => at % 4 === 0 && value > 40);
  };
  const until = (holds) => new Promise((resolve) => {
    const look = () => (holds() ? resolve(performance.now() - started) : requestAnimationFrame(look));
    look();
  });
  const first = await until(isDrawn);
  const whole = await until(() => document.querySelector('[data-testid=viewports]').dataset.loaded === '1');
  return { first: Math.round(first), whole: Math.round(whole) };
}

/** In the page: a slice further at every frame, and what the frames took. */
async function scroll(frames) {
  const gaps = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    const key = frame % 100 < 50 ? 'PageDown' : 'PageUp';
    window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  gaps.sort((a, b) => a - b);
  const at = (share) => Math.round(gaps[Math.floor(share * (gaps.length - 1))]);
  return { median: at(0.5), p95: at(0.95), longest: at(1) };
}

try {
  await analysed();
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
  for (let run = 1; run <= 3; run++) {
    const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
    await page.goto(url);
    await page.locator('tbody tr').first().waitFor();
    await page.waitForTimeout(1000);
    const { first, whole } = await page.evaluate(open);
    await page.waitForTimeout(1000);
    const { median, p95, longest } = await page.evaluate(scroll, 300);
    console.log(`run ${run}: first picture ${first} ms, all slices ${whole} ms; scrolling, ms a frame: median ${median}, 95 % ${p95}, longest ${longest}`);
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
    await page.close();
  }
  await browser.close();
} finally {
  server.kill('SIGKILL');
  rmSync(store, { recursive: true, force: true });
}
