// The page of `malloc4j serve` in a real browser: what it shows is what its JSON says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';

const root = new URL('../../../', import.meta.url).pathname;
const timeout = 120_000;

/** A process, and the lines that it prints, one after the other. */
function start(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value };
}

describe('the page', { timeout }, () => {
  let program, serve, browser, url;
  const errors = [];

  async function tell(line) {
    program.child.stdin.write(line + '\n');
    assert.equal(await program.line(), 'done');
  }

  async function open(width, colorScheme) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on('console', message => { if (message.type() === 'error') errors.push(message.text()); });
    page.on('pageerror', error => errors.push(error.message));
    page.on('request', request => { if (!request.url().startsWith(url.split('#')[0])) errors.push(request.url()); });
    await page.goto(url);
    await page.waitForSelector('body[data-tick]');
    return page;
  }

  /** What the page shows and what the JSON says, of the same look. */
  async function both(page) {
    while (true) {
      const shown = await page.evaluate(() => ({
        tick: Number(document.body.dataset.tick),
        verdict: document.getElementById('verdict').textContent,
        fields: Object.fromEntries([...document.querySelectorAll('#balance [data-field]')]
          .map(cell => [cell.dataset.field, Number(cell.dataset.bytes)])),
        classes: [...document.querySelectorAll('#classes tbody tr')].map(row => row.cells[0].textContent + ':' + row.cells[2].textContent),
      }));
      const json = await page.evaluate(() => fetch('/snapshot.json').then(answer => answer.json()));
      if (json.tick === shown.tick) return { shown, json };
    }
  }

  before(async () => {
    const jar = root + 'cli/target/malloc4j-cli.jar';
    const java = process.env.JAVA_HOME ? process.env.JAVA_HOME + '/bin/java' : 'java';
    program = start(java, ['--enable-native-access=ALL-UNNAMED', '-cp', jar, 'cli/target/browser/Program.java']);
    const pid = await program.line();
    serve = start('./malloc4j', ['serve', pid, '--interval', '1']);
    url = await serve.line();
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/#[0-9a-f]{32}$/);
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    });
  }, { timeout });

  after(async () => {
    await browser?.close();
    serve?.child.kill();
    program?.child.kill();
  });

  test('shows the numbers of its JSON', async () => {
    const page = await open(1280, 'light');
    const { shown, json } = await both(page);
    assert.equal(shown.verdict, json.verdict);
    const { footprint, classes } = json.heaps[0];
    for (const field of ['allocatedBytes', 'activeBytes', 'mappedBytes', 'residentBytes', 'retainedBytes']) {
      assert.equal(shown.fields[field], footprint[field], field);
    }
    assert.deepEqual(shown.classes, classes.map(each =>
      each.blockBytes.toLocaleString('en-US') + ':' + each.liveBlocks.toLocaleString('en-US')));
    await page.close();
  });

  test('shows a block that is allocated, and that it is freed', async () => {
    const page = await open(1280, 'light');
    const map = () => page.evaluate(() => document.getElementById('map').toDataURL());
    const earlier = await both(page);
    const picture = await map();
    await tell('malloc 40 1000000');
    await page.waitForFunction(before =>
      Number(document.querySelector('[data-field=allocatedBytes]').dataset.bytes) >= before + 40_000_000,
      earlier.shown.fields.allocatedBytes);
    assert.notEqual(await map(), picture);
    await tell('free 40');
    await page.waitForFunction(before =>
      Number(document.querySelector('[data-field=allocatedBytes]').dataset.bytes) === before,
      earlier.shown.fields.allocatedBytes);
    await page.click('#trim');
    await page.waitForFunction(() => document.getElementById('trimmed').textContent.length > 0);
    assert.match(await page.textContent('#trimmed'), /given back\.|nothing to give back/);
    await page.close();
  });

  test('names the line that allocates, and what it holds', async () => {
    const page = await open(1280, 'light');
    await page.click('#profile');
    await page.waitForFunction(() => document.getElementById('sampled').textContent.length > 0);
    await tell('malloc 20000 400');
    await page.click('#mark');
    await page.waitForSelector('#site-table summary');
    await tell('malloc 20000 400');
    await page.click('#sites');
    await page.waitForFunction(() => document.querySelector('#site-table tbody td:nth-child(2)')?.textContent.startsWith('+'));
    assert.match(await page.textContent('#site-table summary'), /^Program\.allocate\(Program\.java:\d+\)$/);
    await page.click('#held');
    await page.waitForSelector('#held-text p');
    assert.match(await page.textContent('#held-text p'), /^Heap common: /);
    const flame = await browser.newPage();
    await flame.goto(url.replace(/#.*/, 'flame.html'));
    assert.match(await flame.content(), /Program\.allocate/);
    await flame.close();
    await page.close();
  });

  test('is reached by the keyboard alone', async () => {
    const page = await open(1280, 'light');
    const seen = new Set();
    for (let press = 0; press < 30; press++) {
      await page.keyboard.press('Tab');
      seen.add(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('role')));
    }
    for (const id of ['tab', 'trim', 'map', 'profile', 'sites', 'mark', 'flame', 'held']) assert.ok(seen.has(id), id);
    await page.focus('#map');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const cell = await page.textContent('#cell');
    assert.match(cell, /^0x[0-9a-f]+, .* live, .* returned/);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.getElementById('cell').textContent.includes('Escape zooms out'));
    await page.keyboard.press('Escape');
    await page.close();
  });

  for (const width of [1280, 400]) {
    for (const scheme of ['light', 'dark']) {
      test(`can be read at ${width} pixels, ${scheme}`, async () => {
        const page = await open(width, scheme);
        const found = await page.evaluate(() => {
          const parse = text => text.match(/[\d.]+/g).slice(0, 3).map(Number);
          const luminance = rgb => rgb.map(value => value / 255)
            .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
            .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
          const contrast = (one, other) => {
            const [low, high] = [luminance(one), luminance(other)].sort((left, right) => left - right);
            return (high + 0.05) / (low + 0.05);
          };
          const back = element => {
            for (let each = element; each; each = each.parentElement) {
              const color = getComputedStyle(each).backgroundColor;
              if (!/, 0\)$/.test(color)) return parse(color);
            }
            return [255, 255, 255];
          };
          const texts = [...document.querySelectorAll('h1, h1 span, h2, #verdict, .hint, .legend, td, th, button, a')]
            .filter(element => element.offsetParent)
            .map(element => [element.tagName + ' ' + element.textContent.slice(0, 20),
              contrast(parse(getComputedStyle(element).color), back(element))]);
          const keys = ['live', 'free', 'returned'].map(name =>
            parse(getComputedStyle(document.querySelector('.key.' + name)).backgroundColor));
          return {
            overflow: document.scrollingElement.scrollWidth - innerWidth,
            dim: texts.filter(([, ratio]) => ratio < 4.5),
            keys: [contrast(keys[0], keys[1]), contrast(keys[1], keys[2]), contrast(keys[0], keys[2])],
            count: texts.length,
          };
        });
        assert.ok(found.count > 20);
        assert.ok(found.overflow <= 0, 'wider than the screen by ' + found.overflow);
        assert.deepEqual(found.dim, []);
        for (const ratio of found.keys) assert.ok(ratio > 1.5, 'colours of the map: ' + found.keys);
        await page.screenshot({ path: `page-${width}-${scheme}.png`, fullPage: true });
        await page.close();
      });
    }
  }

  test('has reported no error, and asked nobody else', () => assert.deepEqual(errors, []));
});
