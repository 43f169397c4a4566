// The page of `malloc4j serve` in a real browser: what it shows is what its JSON says.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { browse, java, looks, open as openPage, serve as startServe, timeout } from './support.mjs';

describe('the page', { timeout }, () => {
  let program, serve, browser;
  const errors = [];

  async function tell(line) {
    program.child.stdin.write(line + '\n');
    assert.equal(await program.line(), 'done');
  }

  const open = (width, scheme) => openPage(browser, serve.url, errors, width, scheme);

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
    program = java('Program.java');
    serve = await startServe(await program.line(), '--interval', '1');
    assert.match(serve.url, /^http:\/\/127\.0\.0\.1:\d+\/#[0-9a-f]{32}$/);
    browser = await browse();
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
    assert.deepEqual(shown.classes, classes.filter(each => each.liveBlocks > 0).map(each =>
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
    await flame.goto(serve.url.replace(/#.*/, 'flame.html'));
    assert.match(await flame.content(), /Program\.allocate/);
    await flame.close();
    await page.close();
  });

  test('is reached by the keyboard alone', async () => {
    const page = await open(1280, 'light');
    const seen = new Set();
    for (let press = 0; press < 40; press++) {
      await page.keyboard.press('Tab');
      seen.add(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('role')));
    }
    for (const id of ['tab', 'trim', 'map', 'save', 'space-0', 'space-1', 'profile', 'sites', 'mark', 'flame', 'leaks', 'held']) assert.ok(seen.has(id), id);
    await page.focus('#map');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const cell = await page.textContent('#cell');
    assert.match(cell, /^0x[0-9a-f]+, .* live, .* returned/);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.getElementById('cell').textContent.includes('Escape zooms out'));
    await page.keyboard.press('Escape');
    await page.waitForSelector('#space-1[data-runs]');
    const whole = await page.getAttribute('#space-1', 'data-runs');
    await page.focus('#space-1');
    const text = () => page.textContent('#space-text-1');
    do await page.keyboard.press('ArrowRight'); while (!/malloc4j: common, .*zooms in/.test(await text()));
    await page.keyboard.press('Enter');
    await page.waitForSelector('#space-out-1:not([hidden])');
    await page.keyboard.press('ArrowRight');
    assert.match(await text(), /^0x[0-9a-f]+ to 0x[0-9a-f]+, .*: malloc4j: /);
    await page.keyboard.press('Escape');
    await page.waitForSelector('#space-out-1', { state: 'hidden' });
    assert.equal(await page.getAttribute('#space-1', 'data-runs'), whole);
    await page.close();
  });

  test('shows whose addresses are whose, as its JSON says', async () => {
    const page = await open(1280, 'light');
    await page.waitForSelector('body[data-break-end]');
    const json = await page.evaluate(() => fetch('/space.json').then(answer => answer.json()));
    assert.equal(Number(await page.getAttribute('body', 'data-break-end')), json.breakEnd);
    assert.match(await page.textContent('#space-break'), new RegExp('The break is at 0x' + json.breakEnd.toString(16)));
    await page.click('#space-all summary');
    await page.waitForFunction(() => document.querySelectorAll('#space-table tbody tr').length > 20);
    const bounds = await page.locator('#space-1').boundingBox();
    await page.mouse.move(bounds.x + bounds.width / 2, bounds.y + bounds.height / 2);
    assert.match(await page.textContent('#space-text-1'), /^0x[0-9a-f]+ to 0x/);
    await page.close();
  });

  test('marks what has happened, and lists it', async () => {
    const page = await open(1280, 'light');
    await both(page);
    const happens = kind => page.waitForFunction(wanted =>
      [...document.querySelectorAll('#event-list tr[data-kind=' + wanted + ']')]
        .some(event => / 9[0-9](\.\d)? MiB of addresses/.test(event.textContent)), kind);
    await tell('malloc 2 50000000');
    await happens('MAPPED'); // freed before the next look, it would not be seen
    await tell('free 2');
    await happens('UNMAPPED');
    const { json } = await both(page);
    assert.equal(await page.locator('#event-list tr').count(), json.events.length);
    assert.ok(Number(await page.getAttribute('#chart', 'data-marks')) > 0);
    await page.close();
  });

  test('finds what keeps growing', async () => {
    const page = await open(1280, 'light');
    await page.click('#leaks');
    for (let turn = 0; turn < 24; turn++) {
      await tell('malloc 200 8000');
      await page.waitForTimeout(400);
    }
    await page.waitForSelector('#leaks-text[data-leaks]');
    assert.match(await page.textContent('#leaks-text p'), /^Process \d+, watched for 10 s: heap 'common': about /);
    assert.match(await page.textContent('#leaks-text summary'), /^grown by .*Program\.allocate\(Program\.java:\d+\)$/);
    const download = page.waitForEvent('download');
    await page.click('#save');
    await (await download).saveAs('look.json');
    await page.close();
  });

  for (const width of [1280, 400]) {
    for (const scheme of ['light', 'dark']) {
      test(`can be read at ${width} pixels, ${scheme}`, async () => {
        const page = await open(width, scheme);
        await page.waitForSelector('body[data-break-end]');
        await page.waitForSelector('#scenes li');
        const found = await looks(page);
        assert.ok(found.count > 20);
        assert.ok(found.overflow <= 0, 'wider than the screen by ' + found.overflow);
        assert.deepEqual(found.dim, []);
        for (const ratio of found.keys) assert.ok(ratio > 1.5, 'colours of the map: ' + found.keys);
        await page.screenshot({ path: `page-${width}-${scheme}.png`, fullPage: true });
        await page.close();
      });
    }
  }

  test('opens again what it has saved, with the process and the command gone', async () => {
    program.child.kill('SIGKILL');
    serve.child.kill('SIGKILL');

    const saved = await startServe('--open', 'cli/target/browser/look.json');
    try {
      const again = await openPage(browser, saved.url, errors);
      const fields = await again.evaluate(() => Object.fromEntries([...document.querySelectorAll('#balance [data-field]')]
        .map(cell => [cell.dataset.field, Number(cell.dataset.bytes)])));
      const look = JSON.parse(await readFile('look.json', 'utf8'));
      assert.equal(fields.allocatedBytes, look.observation.heaps[0].footprint.allocatedBytes);
      assert.equal(await again.textContent('#verdict'), look.observation.verdict);
      assert.match(await again.textContent('#saved'), /^A saved look, of /);
      assert.ok(Number(await again.getAttribute('#map', 'data-cells')) > 10);
      assert.ok(Number(await again.getAttribute('#space-1', 'data-runs')) > 10);
      assert.match(await again.textContent('#site-table summary'), /^Program\.allocate/);
      assert.match(await again.textContent('#leaks-text p'), /watched for 10 s/);
      assert.equal(await again.isVisible('#trim'), false);
      await again.screenshot({ path: 'saved.png', fullPage: true });
      await again.close();
    } finally {
      saved.child.kill();
    }
    await writeFile('cut.json', '{"format":"malloc4j-look"');
    const cut = await startServe('--open', 'cli/target/browser/cut.json');
    assert.equal(cut.url, undefined);
  });

  test('has reported no error, and asked nobody else', () => assert.deepEqual(errors, []));
});
