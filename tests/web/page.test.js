// Drives the page in headless Chromium from drop to report, on a phantom study with its case: corrections by hand,
// Italian, a restart in between. APATITE names the program; screenshots go to APATITE_SCREENSHOTS where that is set.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const program = process.env.APATITE ?? join(import.meta.dirname, '../../target/release/apatite');
const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const pictures = process.env.APATITE_SCREENSHOTS;
const folder = mkdtempSync(join(tmpdir(), 'apatite-page-'));
const SLOW = 120_000;

let server;
let browser;
let page;
const complaints = [];

before(async () => {
  const made = spawnSync(program, ['phantom', 'tumoral_calcinosis_levels', '--seed', '4', '--out', join(folder, 'phantom')]);
  assert.equal(made.status, 0, String(made.stderr));
  server = await serve();
  browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
  const context = await browser.newContext({ viewport: { width: 1920, height: 1000 }, locale: 'en-GB' });
  page = await context.newPage();
  page.setDefaultTimeout(SLOW);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(server.url);
});

after(async () => {
  await browser?.close();
  server?.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the program on the store of this test. */
function serve(port = 0) {
  const child = spawn(program, ['serve', '--store', join(folder, 'store'), '--address', `127.0.0.1:${port}`]);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', (line) => resolve({ child, url: String(line).trim() }));
  });
}

async function picture(name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

/** The first of the differential, as it is shown. */
async function leader() {
  const shown = await page.locator('[data-testid=ranked-1] .title').innerText();
  return shown.replace(/^1\. /, '').replace('▲', '').trim();
}

/** A drop of files with their paths, as a folder chooser gives them. */
async function drop(root, names) {
  const files = names.map((name) => ({ name, bytes: readFileSync(join(root, name)).toString('base64') }));
  await page.evaluate(async (files) => {
    const transfer = new DataTransfer();
    for (const { name, bytes } of files) {
      const raw = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
      transfer.items.add(new File([raw], name));
    }
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, files);
}

const byLesions = (count) =>
  page.waitForFunction((count) => document.querySelectorAll('.lesion').length >= count, count, { timeout: SLOW });

test('a phantom is dropped, analysed and shown', { timeout: 4 * SLOW }, async () => {
  await page.getByText('No case yet.').waitFor();
  await picture('1-empty');
  const slices = readdirSync(join(folder, 'phantom/ct')).map((name) => `ct/${name}`);
  await drop(join(folder, 'phantom'), ['case.toml', ...slices]);
  await page.locator('[data-testid=differential]').waitFor();
  await byLesions(1);
  await page.waitForFunction(() => document.querySelector('[data-testid=viewports]')?.dataset.loaded === '1');
  await page.locator('[data-testid=lesion-1]').click();
  await page.locator('.proposal').first().waitFor();
  await page.waitForTimeout(1500);
  await picture('2-analysed');
  // something is drawn: the axial picture has more than one grey
  const greys = await page.evaluate(() => {
    const canvas = document.querySelector('[data-testid=axial] canvas');
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(pixels.filter((_, index) => index % 4 === 0)).size;
  });
  assert.ok(greys > 20, `${greys} greys`);
});

test('a click on a fact moves the differential, an undo takes it back', { timeout: SLOW }, async () => {
  const first = () => page.locator('[data-testid=differential] .number').first().innerText();
  await page.locator('#fact-search').fill('sedimentazione');
  const fact = page.locator('[data-testid=fact-sedimentation_sign]');
  await fact.getByRole('button', { name: 'Absent' }).click();
  await page.locator('[data-testid=fact-sedimentation_sign].absent').waitFor();
  const absent = await first();
  await fact.getByRole('button', { name: 'Present' }).click();
  await page.locator('[data-testid=fact-sedimentation_sign].present').waitFor();
  assert.notEqual(await first(), absent);
  await page.locator('#fact-search').blur();
  await page.getByRole('button', { name: 'Undo', exact: true }).first().click();
  await page.locator('[data-testid=fact-sedimentation_sign].absent').waitFor();
  await page.locator('#fact-search').fill('');
});

test('what if changes nothing that is stored', { timeout: SLOW }, async () => {
  const log = () => page.getByRole('button', { name: /^Log/ }).innerText();
  const before = await log();
  await page.getByRole('button', { name: 'What if' }).click();
  await page.locator('#fact-search').fill('peripheral rim');
  await page.locator('[data-testid=fact-peripheral_rim]').getByRole('button', { name: 'Present' }).click();
  await page.getByRole('heading', { name: 'If it were so' }).waitFor();
  await picture('3-what-if');
  await page.getByRole('button', { name: 'What if' }).click();
  await page.getByRole('heading', { name: 'Differential diagnosis' }).waitFor();
  await page.locator('#fact-search').fill('');
  assert.equal(await log(), before);
});

test('a rejected lesion stays rejected over a kill -9', { timeout: 2 * SLOW }, async () => {
  await page.locator('[data-testid=lesion-1]').getByRole('button', { name: 'Reject' }).click();
  await page.locator('[data-testid=lesion-1].rejected').waitFor();
  const { url } = server;
  server.child.kill('SIGKILL');
  await new Promise((resolve) => server.child.once('exit', resolve));
  server = await serve(new URL(url).port);
  await page.reload();
  await page.locator('[data-testid=lesion-1].rejected').waitFor();
  await page.locator('[data-testid=lesion-1]').getByRole('button', { name: 'Accept' }).click();
  await page.locator('[data-testid=lesion-1].accepted').waitFor();
});

test('reasons, sources and a comparison open on a click', { timeout: SLOW }, async () => {
  await page.locator('[data-testid=ranked-1] .head').click();
  await page.locator('.weight').first().waitFor();
  await page.locator('[data-testid=ranked-1]').getByRole('button', { name: 'Compare two' }).click();
  await page.locator('[data-testid=ranked-2]').getByRole('button', { name: 'Compare two' }).click();
  await page.locator('.compare').waitFor();
  await picture('4-reasons');
  await page.locator('[data-testid=ranked-1]').getByRole('button', { name: 'What is known' }).click();
  await page.locator('dialog.card a[href^="https://"]').first().waitFor();
  await picture('5-sources');
  await page.keyboard.press('Escape');
});

test('Italian, light, a tablet', { timeout: SLOW }, async () => {
  const english = await leader();
  await page.getByLabel('Language').selectOption('it');
  await page.getByRole('heading', { name: 'Diagnosi differenziale' }).waitFor();
  await page.waitForFunction((english) => !document.querySelector('[data-testid=ranked-1]').innerText.includes(english), english);
  await page.getByRole('button', { name: 'Chiaro o scuro' }).click();
  await page.waitForTimeout(1000);
  await picture('6-italian-light');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.waitForTimeout(1000);
  await picture('7-1280');
  await page.setViewportSize({ width: 820, height: 1180 });
  await page.waitForTimeout(1000);
  await picture('8-tablet');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.ok(!wide, 'the page is wider than the tablet');
});

test('reports come in every form, in Italian', { timeout: SLOW }, async () => {
  const links = await page.locator('.actions a').evaluateAll((links) => links.map((link) => link.href));
  assert.equal(links.length, 4);
  const kinds = [];
  for (const link of links) {
    const answer = await page.request.get(link);
    assert.equal(answer.status(), 200);
    kinds.push(answer.headers()['content-type'].split(';')[0]);
    assert.ok((await answer.body()).length > 1000);
  }
  assert.deepEqual(kinds, ['text/html', 'application/pdf', 'text/plain', 'application/json']);
  const report = await page.context().newPage();
  await report.goto(links[0]);
  assert.match(await report.innerText('body'), /diagnosi/i);
  if (pictures) await report.screenshot({ path: join(pictures, '9-report.png') });
  await report.close();
});

test('the page complained of nothing', () => {
  // the restart cuts the stream of events, which the browser tells
  const real = complaints.filter((complaint) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)|Failed to load resource/.test(complaint));
  assert.deepEqual(real, []);
});
