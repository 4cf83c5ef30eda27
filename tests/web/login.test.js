// People log in at an OpenID provider not written here (oidc-provider), from headless Chromium and by plain HTTPS; and
// what must not get in. APATITE names the program; screenshots go to APATITE_SCREENSHOTS where that is set. The
// provider is a true one: where it lies, a middleware behind it puts another id token into its answer.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as jose from 'jose';
import { Provider } from 'oidc-provider';
import { chromium } from 'playwright-core';

const program = process.env.APATITE ?? join(import.meta.dirname, '../../target/debug/apatite');
const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const pictures = process.env.APATITE_SCREENSHOTS;
const folder = mkdtempSync(join(tmpdir(), 'apatite-login-'));
const SLOW = 120_000;
const SECRET = 'the secret of this client';
const CSRF = { 'x-apatite-csrf': '1' };
const PEOPLE = {
  ada: { preferred_username: 'Ada Rossi', groups: ['everybody', 'calcinosis'] },
  bob: { preferred_username: 'Bob Reader', groups: ['radiology'] },
  ida: { preferred_username: 'Ida Admin', groups: ['radiology', 'it'] },
  eve: { preferred_username: 'Eve Nobody', groups: ['everybody', 'Calcinosis'] },
};

let certificate;
let issuer;
let provider;
let apatite;
let token;
let log = '';
let child;
/** Makes another id token of the one that the provider gave. */
let lie = null;
/** What must never be in the log. */
const secrets = new Set([SECRET]);

before(async () => {
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test',
    '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')]);
  assert.equal(made.status, 0, String(made.stderr));
  certificate = readFileSync(join(folder, 'certificate.pem'));
  apatite = `https://127.0.0.1:${await freePort()}`;
  const tls = { cert: certificate, key: readFileSync(join(folder, 'key.pem')) };
  const listener = https.createServer(tls, (request, response) => provider.callback()(request, response));
  await new Promise((resolve) => listener.listen(0, 'localhost', resolve));
  listener.unref();
  issuer = `https://localhost:${listener.address().port}`;
  provider = await newProvider('RS256', 'first');
  const given = spawnSync(program, ['serve', '--store', join(folder, 'store'), '--give-token', 'pacs', '--role', 'editor']);
  token = String(given.stdout).trim();
  assert.equal(token.length, 64, String(given.stderr));
  secrets.add(token);
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
  writeFileSync(join(folder, 'openid.toml'), `
    issuer = "${issuer}"
    client_id = "apatite"
    client_secret_file = "secret"
    address = "${apatite}/"
    scopes = ["profile", "groups"]
    claim = "groups"
    [roles]
    reader = ["radiology"]
    editor = ["calcinosis"]
    admin = ["it"]
  `);
  child = spawn(program, ['serve', '--store', join(folder, 'store'), '--address', new URL(apatite).host, '--verbose',
    '--tls-certificate', join(folder, 'certificate.pem'), '--tls-key', join(folder, 'key.pem'),
    '--openid', join(folder, 'openid.toml')], { env: { ...process.env, SSL_CERT_FILE: join(folder, 'certificate.pem') } });
  child.stderr.on('data', (text) => (log += text));
  await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(log)));
    child.stdout.once('data', resolve);
  });
  await eventually(async () => (await ask(`${apatite}/health`).catch(() => null))?.status === 200, () => log);
});

after(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A provider with new keys. One that signs with ES256 puts the claims into the id token, else userinfo has them. */
async function newProvider(algorithm, kid) {
  const { privateKey } = await jose.generateKeyPair(algorithm, { extractable: true });
  const key = { ...(await jose.exportJWK(privateKey)), kid, alg: algorithm, use: 'sig' };
  const made = new Provider(issuer, {
    clients: [{
      client_id: 'apatite', client_secret: SECRET, redirect_uris: [`${apatite}/login/callback`],
      post_logout_redirect_uris: [`${apatite}/`], id_token_signed_response_alg: algorithm,
    }],
    jwks: { keys: [key] },
    cookies: { keys: ['a key of this test'] },
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    conformIdTokenClaims: algorithm === 'RS256',
    pkce: { required: () => true },
    findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
  });
  made.use(async (context, next) => {
    await next();
    if (context.path !== '/token' || !context.body?.id_token) return;
    secrets.add(context.body.id_token).add(context.body.access_token);
    if (lie) context.body.id_token = await lie(jose.decodeJwt(context.body.id_token), { privateKey, algorithm, kid });
  });
  return made;
}

/** A request by HTTPS/1.1 that knows the certificate of this test and follows nothing. */
function ask(url, { method = 'GET', headers = {}, body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method, headers: { ...headers, 'content-length': Buffer.byteLength(body) }, ca: certificate },
      (response) => {
        let text = '';
        response.on('data', (part) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text,
          cookies: response.headers['set-cookie'] ?? [], json: () => JSON.parse(text) }));
      });
    request.on('error', reject);
    request.end(body);
  });
}

/** What a browser keeps, and sends again. */
class Jar {
  kept = {};
  take(response) {
    for (const cookie of response.cookies) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
      if (value === '' || /Max-Age=0/.test(cookie)) delete this.kept[name];
      else this.kept[name] = value;
    }
    return response;
  }
  get cookie() {
    return Object.entries(this.kept).map(([name, value]) => `${name}=${value}`).join('; ');
  }
  async ask(path, more = {}) {
    return this.take(await ask(new URL(path, apatite), { ...more, headers: { cookie: this.cookie, ...more.headers } }));
  }
}

/** Begins a login in a jar and goes through the provider's forms; returns where that sends the browser back. */
async function back(jar, person, begin = '/login') {
  const there = new Jar();
  const begun = await jar.ask(begin);
  assert.equal(begun.status, 303, begun.text);
  let url = begun.headers.location;
  for (let step = 0; step < 20; step++) {
    let response = there.take(await ask(url, { headers: { cookie: there.cookie } }));
    if (response.status === 200) {
      const prompt = response.text.match(/name="prompt" value="(\w+)"/)[1];
      const body = new URLSearchParams({ prompt, login: person, password: 'any' }).toString();
      const headers = { cookie: there.cookie, 'content-type': 'application/x-www-form-urlencoded' };
      response = there.take(await ask(url, { method: 'POST', headers, body }));
    }
    url = new URL(response.headers.location, issuer).href;
    if (url.startsWith(apatite)) {
      for (const name of ['code', 'state']) secrets.add(new URL(url).searchParams.get(name));
      return url;
    }
  }
  throw new Error('the provider never sends the browser back');
}

async function loggedIn(person) {
  const jar = new Jar();
  const opened = await jar.ask(await back(jar, person));
  assert.equal(opened.status, 303, opened.text);
  secrets.add(jar.kept['__Host-apatite-session']);
  return jar;
}

/** Waits until a condition holds; what it tells else is the error. */
async function eventually(holds, told) {
  for (let tries = 0; tries < 100; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(told());
}

/** That the audit trail, written a moment after the answer, tells of something. */
async function noted(admin, what) {
  let trail;
  await eventually(async () => {
    trail = (await admin.ask('/api/v1/audit')).json();
    return trail.some((entry) => Object.entries(what).every(([key, value]) => entry[key] === value));
  }, () => `${JSON.stringify(what)} is not in ${JSON.stringify(trail)}`);
}

/** That an answer lets nobody in. */
function refused(response, status, jar) {
  assert.equal(response.status, status, response.text);
  assert.ok(!response.cookies.some((cookie) => cookie.startsWith('__Host-apatite-session=') && !cookie.includes('Max-Age=0')));
  assert.equal(jar.kept['__Host-apatite-session'], undefined);
}

test('whoever is not known gets 401, and a browser the provider', async () => {
  for (const path of ['/api/v1/cases', '/api/v1/session', '/dicomweb/studies', '/metrics']) {
    const response = await ask(apatite + path);
    assert.equal(response.status, 401, path);
    assert.equal(response.json().login, '/login');
  }
  const page = await ask(`${apatite}/`);
  assert.deepEqual([page.status, page.headers.location], [303, '/login']);
  const begun = await ask(`${apatite}/login`);
  const asked = new URL(begun.headers.location);
  assert.equal(asked.origin, issuer);
  assert.equal(asked.searchParams.get('response_type'), 'code');
  assert.equal(asked.searchParams.get('code_challenge_method'), 'S256');
  assert.ok(asked.searchParams.get('state').length >= 20 && asked.searchParams.get('nonce').length >= 20);
  assert.match(begun.cookies[0], /^__Host-apatite-login=[0-9a-f]{64}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=600$/);
});

test('roles follow the groups, and a name is kept with what was done', async () => {
  const bob = new Jar();
  const opened = await bob.ask(await back(bob, 'bob', '/login?case=abc'));
  assert.equal(opened.headers.location, '/#/case/abc');
  const session = opened.cookies.find((cookie) => cookie.startsWith('__Host-apatite-session='));
  assert.match(session, /=[0-9a-f]{64}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=28800$/);
  secrets.add(bob.kept['__Host-apatite-session']);
  assert.deepEqual((await bob.ask('/api/v1/session')).json(), { name: 'Bob Reader', role: 'reader', means: 'openid' });
  assert.equal((await bob.ask('/api/v1/cases')).status, 200);
  assert.equal((await bob.ask('/api/v1/uploads', { method: 'POST', headers: CSRF })).status, 403);
  assert.equal((await bob.ask('/api/v1/audit')).status, 403);

  const ida = await loggedIn('ida');
  await noted(ida, { who: 'Bob Reader', role: 'reader', method: 'LOGIN', path: 'openid:bob', status: 303 });
  await noted(ida, { who: 'Bob Reader', role: 'reader', method: 'POST', path: '/api/v1/uploads', status: 403 });
});

test('a login ends nowhere but here', async () => {
  for (const hostile of ['//evil.example', '/\\evil.example', 'https://evil.example', 'a/../../b', 'a%0d%0aSet-Cookie:x']) {
    const jar = new Jar();
    const opened = await jar.ask(await back(jar, 'bob', `/login?case=${encodeURIComponent(hostile)}`));
    assert.equal(opened.headers.location, '/');
  }
});

test('a person without a role does not get in', async () => {
  const jar = new Jar();
  refused(await jar.ask(await back(jar, 'eve')), 403, jar);
  assert.equal((await jar.ask('/api/v1/cases')).status, 401);
  await noted(await loggedIn('ida'), { who: 'Eve Nobody', role: '-', method: 'LOGIN', path: 'openid:eve', status: 403 });
});

test('a wrong state, another browser, another issuer and an abandoned login do not get in', async () => {
  const change = async (name, value) => {
    const jar = new Jar();
    const url = new URL(await back(jar, 'ada'));
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    return [await jar.ask(url), jar];
  };
  for (const [name, value, status] of [['state', 'x', 400], ['state', null, 400], ['code', 'x', 403], ['code', null, 400],
    ['iss', 'https://evil.example', 403], ['error', 'access_denied', 403]]) {
    const [response, jar] = await change(name, value);
    refused(response, status, jar);
  }
  const url = await back(new Jar(), 'ada');
  const victim = new Jar();
  refused(await victim.ask(url), 400, victim);
  await victim.ask('/login');
  refused(await victim.ask(url), 400, victim);
});

test('an answer serves once, and a code only the login that it was made for', async () => {
  const jar = new Jar();
  const url = await back(jar, 'ada');
  const login = jar.cookie;
  const again = () => ask(url, { headers: { cookie: login } });
  assert.equal((await again()).status, 303);
  refused(await again(), 400, jar);

  // the code of one login, put into the answer of another
  const stolen = new URL(await back(new Jar(), 'ada')).searchParams.get('code');
  const other = new Jar();
  const injected = new URL(await back(other, 'bob'));
  injected.searchParams.set('code', stolen);
  refused(await other.ask(injected), 403, other);
});

test('an id token that does not hold lets nobody in', async () => {
  const now = Math.floor(Date.now() / 1000);
  const signed = (change, header = {}) => (claims, { privateKey, algorithm, kid }) =>
    new jose.SignJWT({ ...claims, ...change }).setProtectedHeader({ alg: algorithm, kid, ...header }).sign(privateKey);
  const { privateKey: foreign } = await jose.generateKeyPair('RS256');
  // each by what the log says of it
  const lies = {
    'must contain `apatite`': signed({ aud: 'another' }),
    'not a trusted audience': signed({ aud: ['apatite', 'another'] }),
    'made for another client': signed({ azp: 'another' }),
    'Invalid issuer': signed({ iss: 'https://evil.example' }),
    Expired: signed({ iat: now - 7200, exp: now - 3600 }),
    'nonce mismatch': signed({ nonce: 'another' }),
    'missing nonce': signed({ nonce: undefined }),
    'access token is not the one': signed({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    'No signature found': (claims) => new jose.UnsecuredJWT(claims).encode(),
    'algorithm `HS256`': (claims) =>
      new jose.SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET)),
    'algorithm `RS512`': async (claims, { privateKey }) => new jose.SignJWT(claims).setProtectedHeader({ alg: 'RS512' })
      .sign(await jose.importJWK({ ...(await jose.exportJWK(privateKey)), alg: 'RS512' })),
    'bad signature': (claims, { kid }) => new jose.SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(foreign),
    'No matching key': signed({}, { kid: 'unknown' }),
  };
  try {
    // the same with nothing changed gets in, so that the lies are what is refused
    lie = signed({});
    await loggedIn('ada');
    for (const [why, told] of Object.entries(lies)) {
      lie = told;
      const jar = new Jar();
      const url = await back(jar, 'ada');
      const from = log.length;
      refused(await jar.ask(url), 403, jar);
      await eventually(() => log.slice(from).includes(why), () => `${why} is not in ${log.slice(from)}`);
    }
  } finally {
    lie = null;
  }
});

test('a cookie alone changes nothing', async () => {
  const ada = await loggedIn('ada');
  const post = (headers) => ada.ask('/api/v1/uploads', { method: 'POST', headers });
  assert.equal((await post({})).status, 403);
  assert.equal((await ada.ask('/api/v1/session', { method: 'DELETE' })).status, 403);
  assert.equal((await post({ ...CSRF, origin: 'https://evil.example' })).status, 403);
  assert.equal((await post({ ...CSRF, origin: 'null' })).status, 403);
  // let through, and refused for what it is
  assert.equal((await post({ ...CSRF, origin: apatite })).status, 415);
  // a page elsewhere is not allowed to send the header
  const preflight = await ada.ask('/api/v1/uploads', { method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-apatite-csrf' } });
  assert.equal(preflight.headers['access-control-allow-origin'], undefined);
  assert.equal((await ada.ask('/api/v1/session')).status, 200);
});

test('after log-out the cookie is worth nothing', async () => {
  const ada = await loggedIn('ada');
  const { cookie } = ada;
  const closed = await ada.ask('/api/v1/session', { method: 'DELETE', headers: CSRF });
  assert.equal(closed.status, 200);
  const there = new URL(closed.json().provider);
  assert.equal(there.origin, issuer);
  assert.equal(there.searchParams.get('post_logout_redirect_uri'), `${apatite}/`);
  assert.equal(ada.cookie, '');
  assert.equal((await ask(`${apatite}/api/v1/cases`, { headers: { cookie } })).status, 401);
});

test('machines keep their tokens, and a token opens a session too', async () => {
  const bearer = (token) => ({ authorization: `Bearer ${token}` });
  assert.equal((await ask(`${apatite}/api/v1/cases`, { headers: bearer(token) })).status, 200);
  // let through without the header, which guards cookies only
  assert.equal((await ask(`${apatite}/api/v1/uploads`, { method: 'POST', headers: bearer(token) })).status, 415);
  const wrong = '0'.repeat(64);
  for (const headers of [bearer(wrong), { cookie: `__Host-apatite-token=${wrong}` }, { cookie: `__Host-apatite-session=${wrong}` },
    { cookie: `__Host-apatite-session=${token}` }]) {
    assert.equal((await ask(`${apatite}/api/v1/cases`, { headers })).status, 401);
  }
  const jar = new Jar();
  const headers = { 'content-type': 'application/json' };
  const opened = await jar.ask('/api/v1/session', { method: 'POST', headers, body: JSON.stringify({ token }) });
  assert.deepEqual(opened.json(), { name: 'pacs', role: 'editor', means: 'token' });
  assert.equal((await jar.ask('/api/v1/cases')).status, 200);
  assert.equal((await jar.ask('/api/v1/uploads', { method: 'POST' })).status, 403);
  assert.equal((await jar.ask('/api/v1/uploads', { method: 'POST', headers: CSRF })).status, 415);
});

test('the page sends to the provider, shows who is logged in and logs out', { timeout: 2 * SLOW }, async () => {
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ignoreHTTPSErrors: true });
    const page = await context.newPage();
    page.setDefaultTimeout(SLOW);
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    const picture = async (name) => {
      if (!pictures) return;
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: join(pictures, `login-${name}.png`) });
    };
    const through = async (person) => {
      await page.waitForURL((url) => url.origin === issuer);
      await page.locator('input[name=login]').fill(person);
      await page.locator('input[name=password]').fill('any');
      await page.getByRole('button', { name: 'Sign-in' }).click();
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.waitForURL((url) => url.origin === apatite);
    };
    await page.goto(apatite);
    await through('ada');
    assert.equal(await page.locator('[data-testid=who]').innerText(), 'Ada Rossi');
    await page.getByText('No case yet.').waitFor();
    await picture('1-in');

    const text = readFileSync(join(import.meta.dirname, '../../examples/article/figure-2-3.toml'), 'utf8');
    await page.evaluate((text) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], 'case.toml'));
      window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, text);
    await page.locator('[data-testid=differential]').waitFor();
    await page.locator('#fact-search').fill('peripheral rim');
    const fact = page.locator('[data-testid=fact-peripheral_rim]');
    await fact.getByRole('button', { name: 'Absent' }).click();
    await page.locator('[data-testid=fact-peripheral_rim].absent').waitFor();
    const opened = await page.evaluate(async () => (await fetch(`/api/v1/cases/${location.hash.split('/')[2]}`)).json());
    assert.deepEqual(opened.edits.map((edit) => edit.who), ['Ada Rossi']);
    await page.getByLabel('Language').selectOption('it');
    await page.getByRole('button', { name: 'Esci' }).waitFor();
    await page.getByText('Struttura interna').waitFor();
    await picture('2-italian');

    // a session that ended while the page was open: the way back leads to the same case
    const here = page.url();
    const ended = (await context.cookies(apatite)).filter((cookie) => cookie.name !== '__Host-apatite-session');
    await context.clearCookies();
    await context.addCookies(ended);
    await page.reload();
    await page.waitForURL((url) => url.origin === issuer);
    await page.goto(`${apatite}/index.html${new URL(here).hash}`);
    await picture('3-out');
    await page.getByRole('link', { name: 'Entra' }).click();
    await through('ada');
    await page.waitForURL(here);

    await page.getByRole('button', { name: 'Esci' }).click();
    await page.waitForURL((url) => url.origin === issuer);
    await page.getByRole('button', { name: /sign me out/i }).click();
    // the session at the provider is over too: it asks again
    await through('eve');
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /qui non ha alcun ruolo/);
    assert.equal(await page.locator('[data-testid=who]').count(), 0);
    await picture('4-no-role');
    // the provider would know her again and say nothing
    await page.getByRole('link', { name: 'Entra' }).click();
    await through('bob');
    assert.equal(await page.locator('[data-testid=who]').innerText(), 'Bob Reader');
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
});

test('the provider may change its keys, and sign with ES256', async () => {
  provider = await newProvider('ES256', 'second');
  const ada = await loggedIn('ada');
  assert.deepEqual((await ada.ask('/api/v1/session')).json(), { name: 'Ada Rossi', role: 'editor', means: 'openid' });
});

test('the log holds no secrets and no names', () => {
  assert.match(log, /\/login\/callback/);
  for (const secret of [...secrets, ...Object.values(PEOPLE).map((person) => person.preferred_username)]) {
    assert.ok(secret && !log.includes(secret), `in the log: ${secret}`);
  }
});
