// What the tests of the page share: processes, a browser, and what must not happen in it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const root = new URL('../../../', import.meta.url).pathname;
export const timeout = 300_000;

const jdk = process.env.JAVA_HOME ? process.env.JAVA_HOME + '/bin/java' : 'java';
const jar = root + 'cli/target/malloc4j-cli.jar';

/** A process, and the lines that it prints, one after the other. */
export function start(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value };
}

/** A program of one file, on the command line's jar. */
export const java = file =>
  start(jdk, ['--enable-native-access=ALL-UNNAMED', '-cp', jar, 'cli/target/browser/' + file]);

/** A `./malloc4j serve`, and the address that it prints. */
export async function serve(...args) {
  const command = start('./malloc4j', ['serve', ...args]);
  return { ...command, url: await command.line() };
}

export const browse = () => chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/** Opens a page; what it complains of, and whom it asks but the command, goes into `errors`. */
export async function open(browser, url, errors, width = 1280, colorScheme = 'light') {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
  page.on('console', message => { if (message.type() === 'error') errors.push(message.text()); });
  page.on('pageerror', error => errors.push(error.message));
  page.on('request', request => {
    if (!request.url().startsWith(url.split('#')[0]) && !request.url().startsWith('blob:')) errors.push(request.url());
  });
  await page.goto(url);
  await page.waitForSelector('body[data-tick]');
  return page;
}

/** What the page has of text that can hardly be read, of what is wider than the screen, and how its colours differ. */
export const looks = page => page.evaluate(() => {
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
  const texts = [...document.querySelectorAll('h1, h1 span, h2, h3, p, li, label, .hint, .legend, td, th, button, a, summary')]
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
