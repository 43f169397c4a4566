// The playground and the scenes in a real browser.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { browse, looks, open as openPage, serve as startServe, timeout } from './support.mjs';

describe('the playground', { timeout }, () => {
  let serve, browser, page;
  const errors = [];

  async function allocate(count, bytes, policy = 'BY_SIZE') {
    await page.fill('#play-count', String(count));
    await page.fill('#play-bytes', bytes);
    await page.selectOption('#play-policy', policy);
    const live = Number(await page.getAttribute('#blocks', 'data-live'));
    await page.click('#play-malloc');
    await page.waitForSelector(`#blocks[data-live="${live + count}"]`);
    return Number(await page.getAttribute('#blocks tbody tr', 'data-block'));
  }

  const press = (block, what) => page.click(`#blocks tr[data-block="${block}"] button:has-text("${what}")`);
  const said = () => page.textContent('#play-said');

  before(async () => {
    serve = await startServe('--interval', '1');
    browser = await browse();
    page = await openPage(browser, serve.url, errors);
    await page.waitForSelector('#blocks[data-live="0"]');
    await page.waitForSelector('body[data-break-end]');
  }, { timeout });

  after(async () => {
    await browser?.close();
    serve?.child.kill();
  });

  test('moves the break for a small block, and the strip shows it', async () => {
    const picture = () => page.evaluate(() => document.getElementById('space-0').toDataURL());
    const before = { end: await page.getAttribute('body', 'data-break-end'), picture: await picture() };
    const block = await allocate(1, '100');
    assert.match(await said(), /lies in a slab of blocks of 112 bytes in the brk heap.*The break moved up by /s);
    await page.waitForFunction(end => Number(document.body.dataset.breakEnd) > Number(end), before.end);
    assert.notEqual(await picture(), before.picture);
    assert.ok(Number(await page.getAttribute('#space-0', 'data-break-at')) > 0);
    assert.match(await page.textContent(`#blocks tr[data-block="${block}"]`), /0x[0-9a-f]+.*in the brk heap/);
  });

  test('shows a block that is allocated, written and freed', async () => {
    const map = () => page.evaluate(() => document.getElementById('map').toDataURL());
    const before = await map();
    const block = await allocate(1, '2M');
    assert.match(await said(), /a mapping of its own in the mmap zone/);
    await page.waitForSelector('#event-list tr[data-kind=MAPPED]');
    await press(block, 'Write');
    await page.waitForFunction(() => document.getElementById('play-said').textContent.includes('512 pages got memory, 2 MiB.'));
    await page.waitForFunction(() => Number(document.querySelector('[data-field=residentBytes]').dataset.bytes) >= 2 << 20);
    await press(block, 'Free');
    await page.waitForSelector(`#blocks tr[data-block="${block}"]`, { state: 'detached' });
    assert.match(await said(), /its mapping is gone, 2 MiB of memory went back at once/);
    await page.waitForSelector('#event-list tr[data-kind=UNMAPPED]');
    await allocate(300, '5000');
    await page.waitForFunction(picture => document.getElementById('map').toDataURL() !== picture, before);
  });

  test('says which block keeps a page, and gives it back', async () => {
    const last = await allocate(4, '1024');
    for (let block = last - 3; block <= last; block++) {
      await press(block, 'Write');
      await page.waitForFunction(number => document.getElementById('play-said').textContent.startsWith('Block ' + number + ' is written'), block);
    }
    await press(last, 'Free');
    await page.waitForSelector(`#blocks tr[data-block="${last}"]`, { state: 'detached' });
    assert.match(await said(), /Its page stays: blocks? \d+.* there as well\./);
    for (let block = last - 3; block < last; block++) {
      await press(block, 'Free');
      await page.waitForSelector(`#blocks tr[data-block="${block}"]`, { state: 'detached' });
    }
    await page.click('#play-trim');
    await page.waitForFunction(() => /went back to the kernel/.test(document.getElementById('play-said').textContent));
  });

  test('refuses what makes no sense, in a line', async () => {
    await page.fill('#play-bytes', 'many');
    await page.click('#play-malloc');
    await page.waitForSelector('#problem:not([hidden])');
    assert.equal(await page.textContent('#problem'), 'many: write bytes as 100, 64K or 2M');
    const refused = await page.evaluate(() => fetch('/playground/malloc?count=1&bytes=1&policy=BREAK', { method: 'POST' })
      .then(answer => answer.status));
    assert.equal(refused, 403);
    assert.equal(errors.pop(), 'Failed to load resource: the server responded with a status of 403 (Forbidden)');
  });

  test('plays every scene to its end', async () => {
    const scenes = await page.evaluate(() => fetch('/scenes.json').then(answer => answer.json()));
    assert.ok(scenes.length >= 2);
    for (const scene of scenes) {
      const answered = page.waitForResponse(answer => answer.url().includes('/scene?name=' + scene.name), { timeout: 60_000 });
      await page.click(`button[data-scene="${scene.name}"]`);
      const played = await (await answered).json();
      await page.waitForSelector(`#scene[data-played="${scene.name}"]`, { timeout: 30_000 });
      assert.equal(await page.locator('#scene .steps > li').count(), played.steps.length);
      const holds = played.steps.filter(step => step.holds === true).length;
      const fails = played.steps.filter(step => step.holds === false).length;
      assert.equal(await page.locator('#scene .claim.holds').count(), holds, scene.name);
      assert.equal(await page.locator('#scene .claim.fails').count(), fails, scene.name);
      assert.equal(await page.locator('#scene canvas.strip').count(), played.steps.filter(step => step.strip?.length).length);
      assert.ok((await page.textContent('#scene')).includes(played.verdict));
    }
  });

  test('plays one scene at a time', async () => {
    const [name] = await page.evaluate(() => fetch('/scenes.json').then(answer => answer.json()).then(all => all.map(each => each.name)));
    await page.click(`button[data-scene="${name}"]`);
    const second = await page.evaluate(async ([scene, token]) => {
      const answer = await fetch('/scene?name=' + scene, { method: 'POST', headers: { 'X-Malloc4j-Token': token } });
      return [answer.status, await answer.text()];
    }, [name, serve.url.replace(/.*#/, '')]);
    assert.deepEqual(second, [503, 'a scene is being played already: wait until it has ended\n']);
    assert.match(errors.pop(), /503/);
    await page.waitForSelector(`#scene[data-played="${name}"]`, { timeout: 30_000 });
  });

  test('is used by the keyboard alone', async () => {
    await page.focus('#play-count');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('300');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Home');
    await page.keyboard.press('Tab');
    const live = Number(await page.getAttribute('#blocks', 'data-live'));
    await page.keyboard.press('Enter');
    await page.waitForFunction(before => Number(document.getElementById('blocks').dataset.live) > before, live);
    const newest = await page.getAttribute('#blocks tbody tr', 'data-block');
    await page.focus(`#blocks tr[data-block="${newest}"] button:last-child`);
    await page.keyboard.press('Space');
    await page.waitForSelector(`#blocks tr[data-block="${newest}"]`, { state: 'detached' });
  });

  for (const [width, scheme] of [[1280, 'dark'], [400, 'light']]) {
    test(`can be read at ${width} pixels, ${scheme}`, async () => {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(200);
      const found = await looks(page);
      assert.ok(found.overflow <= 0, 'wider than the screen by ' + found.overflow);
      assert.deepEqual(found.dim, []);
      await page.screenshot({ path: `playground-${width}-${scheme}.png`, fullPage: true });
    });
  }

  test('ends its process when the command is killed', async () => {
    const { pid } = await page.evaluate(() => fetch('/snapshot.json').then(answer => answer.json()));
    serve.child.kill('SIGKILL');
    const isThere = () => {
      try { execFileSync('ps', ['-p', String(pid)]); return true; } catch { return false; }
    };
    for (let turn = 0; turn < 100 && isThere(); turn++) await new Promise(done => setTimeout(done, 100));
    assert.equal(isThere(), false);
    assert.deepEqual(errors.filter(error => !/ERR_|Failed to load/.test(error)), []);
  });
});
