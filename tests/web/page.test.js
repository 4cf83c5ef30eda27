// Drives the page in headless Chromium from drop to report, on a phantom study with its case: corrections by hand,
// Italian, a restart in between. APATITE names the program; screenshots go to APATITE_SCREENSHOTS where that is set.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const program = process.env.APATITE ?? join(import.meta.dirname, '../../target/debug/apatite');
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

/** Waits until the pictures fill their places, as after a change of size. */
async function drawn() {
  await page.waitForFunction(() => [...document.querySelectorAll('.viewport')].every((viewport) => {
    const canvas = viewport.querySelector('canvas');
    return !canvas || viewport.clientWidth === 0 || Math.abs(canvas.clientWidth - viewport.clientWidth) <= 1;
  }));
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
  // something is drawn: the axial picture has many greys, and the outline of the chosen lesion
  await page.waitForFunction(() => {
    const canvas = document.querySelector('[data-testid=axial] canvas');
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(pixels.filter((_, at) => at % 4 === 0)).size > 20;
  });
  const outline = page.locator('[data-testid=axial] .marks .outline[stroke="rgb(255 235 59)"]');
  await outline.waitFor({ state: 'attached' });
  assert.ok((await outline.getAttribute('d')).split('M').length > 20, 'the lesion has an outline');
  // the plane of the fluid level crosses the picture
  await page.locator('[data-testid=axial] .marks .level').waitFor({ state: 'attached' });
  await picture('2-analysed');
});

/** Waits until there are so many lesions and the first has a volume that is, as `how` says, `than`; returns it. */
async function lesions(count, how, than) {
  const handle = await page.waitForFunction(([count, how, than]) => {
    if (document.querySelectorAll('.lesion').length !== count) return null;
    const told = document.querySelectorAll('[data-testid=lesion-1] small')[1].innerText;
    const volume = Number(told.split('±')[0].replace(/\D/g, ''));
    return { same: volume === than, less: volume < than, more: volume > than, any: true }[how] ? volume : null;
  }, [count, how, than]);
  return handle.jsonValue();
}

/** A stroke on the axial picture, in pixels from its middle. */
/** Waits until the pictures are drawn as a tool wants them: brushes want cuts through the volume. */
const ready = () => page.waitForFunction(() => document.querySelector('[data-testid=viewports]').dataset.ready === 'true');

async function stroke(tool, from, to) {
  await page.getByRole('button', { name: tool, exact: true }).click();
  await ready();
  const box = await page.locator('[data-testid=axial]').boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x + from[0], y + from[1]);
  await page.mouse.down();
  await page.mouse.move(x + to[0], y + to[1], { steps: 6 });
  await page.mouse.up();
}

test('a lesion is cut, merged, painted and erased, another added, and each is undone', { timeout: 3 * SLOW }, async () => {
  const undo = () => page.getByRole('button', { name: 'Undo', exact: true }).first().click();
  const found = await page.locator('.lesion').count();
  const before = await lesions(found, 'any');
  await stroke('Cut', [0, -200], [0, 200]);
  await lesions(found + 1, 'less', before);
  await picture('3-cut');
  await page.locator('.detail input[type=checkbox]').last().check();
  await page.getByRole('button', { name: 'Merge', exact: true }).click();
  await lesions(found, 'any');
  await undo();
  await lesions(found + 1, 'less', before);
  await undo();
  await lesions(found, 'same', before);

  await stroke('Brush', [-60, -60], [60, -60]);
  const painted = await lesions(found, 'more', before);
  await picture('3-painted');
  await stroke('Erase', [-60, -60], [60, -60]);
  await lesions(found, 'less', painted);
  await undo();
  await lesions(found, 'same', painted);
  await undo();
  await lesions(found, 'same', before);

  // bone, which the analysis left out, is dense enough to be added
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await ready();
  const box = await page.locator('[data-testid=axial]').boundingBox();
  const bone = await page.evaluate(() => {
    const canvas = document.querySelector('[data-testid=axial] canvas');
    const { width, height } = canvas;
    const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const white = (x, y) => [0, 1, 2].every((k) => pixels[4 * (y * width + x) + k] > 250);
    for (let y = 20; y < height - 20; y += 4) {
      for (let x = 20; x < width - 20; x += 4) {
        if ([-12, 0, 12].every((dx) => [-12, 0, 12].every((dy) => white(x + dx, y + dy)))) return [x / width, y / height];
      }
    }
    return null;
  });
  assert.ok(bone, 'no bone in the picture');
  await page.mouse.click(box.x + bone[0] * box.width, box.y + bone[1] * box.height);
  await lesions(found + 1, 'same', before);
  await picture('3-added');
  await undo();
  await lesions(found, 'same', before);
  await page.getByRole('button', { name: 'Window', exact: true }).click();
});

test('a click on a fact moves the differential, an undo takes it back', { timeout: SLOW }, async () => {
  const numbers = async () => (await page.locator('[data-testid=differential] .number').allInnerTexts()).join();
  await page.locator('#fact-search').fill('sedimentazione');
  const fact = page.locator('[data-testid=fact-sedimentation_sign]');
  await fact.getByRole('button', { name: 'Absent' }).click();
  await page.locator('[data-testid=fact-sedimentation_sign].absent').waitFor();
  const absent = await numbers();
  await fact.getByRole('button', { name: 'Present' }).click();
  await page.locator('[data-testid=fact-sedimentation_sign].present').waitFor();
  assert.notEqual(await numbers(), absent);
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
  await drawn();
  await picture('6-italian-light');
  await page.setViewportSize({ width: 1280, height: 800 });
  await drawn();
  await picture('7-1280');
  await page.setViewportSize({ width: 820, height: 1180 });
  await drawn();
  await picture('8-tablet');
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const over = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > width + 0.5);
    return over.map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 20)}`);
  });
  assert.deepEqual(wide, [], 'the page is wider than the tablet');
});

test('reports come in every form, in Italian', { timeout: SLOW }, async () => {
  const links = await page.locator('.actions .join a').evaluateAll((links) => links.map((link) => link.href));
  assert.equal(links.length, 4);
  const kinds = [];
  for (const link of links) {
    const answer = await page.request.get(link);
    assert.equal(answer.status(), 200);
    kinds.push(answer.headers()['content-type'].split(';')[0]);
    assert.ok((await answer.body()).length > 1000);
  }
  assert.deepEqual(kinds, ['text/html', 'application/pdf', 'text/plain', 'application/json']);
  await page.locator('[data-testid=exports] summary').click();
  await page.locator('[data-testid=exports] a', { hasText: 'DICOM SR' }).waitFor();
  await picture('9-exports');
  for (const link of await page.locator('[data-testid=exports] a').evaluateAll((links) => links.map((link) => link.href))) {
    assert.equal((await page.request.get(link)).status(), 200, link);
  }
  await page.locator('[data-testid=exports] summary').click();
  const report = await page.context().newPage();
  await report.goto(links[0]);
  assert.match(await report.innerText('body'), /diagnosi/i);
  if (pictures) await report.screenshot({ path: join(pictures, '9-report.png') });
  await report.close();
});

test('another modality stands beside, linked by the position in the patient', { timeout: 2 * SLOW }, async () => {
  await page.setViewportSize({ width: 1920, height: 1000 });
  // the same slices as if they came from a scanner of the other kind, in the same frame of reference
  const other = join(folder, 'other');
  mkdirSync(other);
  const uidOf = (bytes, tag) => {
    const at = bytes.indexOf(Buffer.from([...tag, 0x55, 0x49]));
    return bytes.subarray(at + 8, at + 8 + bytes.readUInt16LE(at + 6)).toString('latin1').replace(/\0$/, '');
  };
  for (const name of readdirSync(join(folder, 'phantom/ct'))) {
    const bytes = readFileSync(join(folder, 'phantom/ct', name));
    let text = bytes.toString('latin1');
    for (const tag of [[0x20, 0, 0x0e, 0], [8, 0, 0x18, 0]]) {
      const uid = uidOf(bytes, tag);
      // within the root that all have in common
      text = text.replaceAll(uid, uid.slice(0, 5) + uid.slice(5).replace(/[2-9]/, '1'));
    }
    text = text.replace('\x08\x00\x60\x00CS\x02\x00CT', '\x08\x00\x60\x00CS\x02\x00MR');
    writeFileSync(join(other, name), Buffer.from(text, 'latin1'));
  }
  await drop(other, readdirSync(other));
  const choice = page.getByLabel('Affianca');
  await choice.locator('option', { hasText: 'MR' }).waitFor({ state: 'attached' });
  const value = await choice.locator('option', { hasText: 'MR' }).getAttribute('value');
  await choice.selectOption(value);
  await page.locator('[data-testid=beside] canvas').waitFor();
  const place = () => page.locator('[data-testid=viewports]').evaluate((element) => [element.dataset.at, element.dataset.besideAt]);
  const linked = (than) => page.waitForFunction((than) => {
    const { at, besideAt } = document.querySelector('[data-testid=viewports]').dataset;
    return at && at === besideAt && at !== than ? at : null;
  }, than);
  await linked(null);
  const [before] = await place();
  const box = await page.locator('[data-testid=beside]').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.wheel(0, 300);
  await linked(before);
  await drawn();
  await page.waitForFunction(() => ['axial', 'beside'].every((name) => {
    const canvas = document.querySelector(`[data-testid=${name}] canvas`);
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(pixels.filter((_, at) => at % 4 === 0)).size > 20;
  }) && document.querySelector('[data-testid=viewports]').dataset.loaded === '1');
  await picture('10-beside');
});

test('a later study is taken into the case, and what changed stands below the lesions', { timeout: 4 * SLOW }, async () => {
  const later = join(folder, 'later');
  const visit = ['--visit', '2', '--weeks', '26', '--growth', '0.5', '--shifted', '4'];
  const made = spawnSync(program, ['phantom', 'tumoral_calcinosis_levels', '--seed', '4', ...visit, '--out', later]);
  assert.equal(made.status, 0, String(made.stderr));
  const first = await page.evaluate(() => location.hash);
  await drop(join(later, 'ct'), readdirSync(join(later, 'ct')));
  await page.waitForFunction((first) => location.hash !== first && location.hash.startsWith('#/case/'), first);
  await byLesions(1);
  await page.evaluate((hash) => (location.hash = hash), first);
  await page.locator(`.reading[data-case="${first.replace('#/case/', '')}"]`).waitFor();
  const menu = page.locator('[data-testid=other-studies]');
  await menu.locator('summary').click();
  await menu.locator('button').first().click();
  await menu.getByText("L'archivio non ha altri studi").waitFor();
  await menu.locator('summary').click();
  const changes = page.locator('[data-testid=changes]');
  await changes.getByRole('button', { name: 'Confronta' }).click();
  await changes.locator('[data-testid=burden]').waitFor();
  assert.match(await changes.locator('[data-testid=burden]').innerText(), /aumento/);
  await changes.locator('.pair').first().click();
  await page.locator('.lesion.chosen').waitFor();
  await changes.scrollIntoViewIfNeeded();
  await picture('11-changes');
});

test('the leading diagnosis is graded', { timeout: SLOW }, async () => {
  const root = join(folder, 'hip');
  mkdirSync(root);
  writeFileSync(join(root, 'hip.toml'), `title = "Ossification of the hip"
[patient]
age = 62
[history]
present = ["arthroplasty_at_site", "limited_joint_motion"]
[[imaging]]
modality = "CT"
sites = ["hip"]
present = ["mature_bone", "bridges_bones", "prosthesis_present"]
`);
  await page.setViewportSize({ width: 1280, height: 800 });
  await drop(root, ['hip.toml']);
  const brooker = page.locator('[data-testid=grading]', { hasText: /Brooker: IV/ });
  await brooker.waitFor();
  await brooker.locator('summary').click();
  await brooker.getByText('Della Valle 2002').first().waitFor();
  await picture('12-gradings');
});

test('the page complained of nothing', () => {
  // the restart cuts the stream of events, which the browser tells
  const real = complaints.filter((complaint) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)|Failed to load resource/.test(complaint));
  assert.deepEqual(real, []);
});
