// The page of `--report` in a real browser, from a file: whole, readable, and silent.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const root = new URL('../../../', import.meta.url).pathname;
const timeout = 180_000;
const commands = {
  replay: ['--with', 'malloc4j,glibc,unsafe,none', '--rounds', '3'],
  bench: ['larson', 'mleak', '--with', 'malloc4j,glibc', '--rounds', '2', '--seconds', '0.2'],
};

describe('the report', { timeout }, () => {
  let browser;
  const documents = {};

  before(async () => {
    for (const [command, options] of Object.entries(commands)) {
      const file = `report-${command}.html`;
      documents[command] = JSON.parse(execFileSync(root + 'malloc4j', [command, ...options, '--json', '--report', file]));
    }
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    });
  }, { timeout });

  after(() => browser?.close());

  for (const command of Object.keys(commands)) {
    for (const width of [1280, 400]) {
      for (const scheme of ['light', 'dark']) {
        test(`of ${command} opens from a file, at ${width} pixels, ${scheme}`, async () => {
          const file = `report-${command}.html`;
          const told = [];
          const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
          page.on('console', message => told.push(message.text()));
          page.on('pageerror', error => told.push(error.message));
          page.on('request', request => { if (!/^(data|file):/.test(request.url())) told.push(request.url()); });
          await page.goto(pathToFileURL(file).href);
          await page.waitForSelector('body[data-drawn]');
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
            const colors = canvas => new Set(new Uint32Array(
              canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size;
            return {
              document: JSON.parse(document.getElementById('document').textContent),
              verdicts: [...document.querySelectorAll('.verdict')].map(verdict => verdict.textContent),
              charts: [...document.querySelectorAll('.chart canvas')].map(colors),
              maps: [...document.querySelectorAll('.map canvas')].map(colors),
              speed: [...document.querySelectorAll('.speed')].map(section =>
                [section.querySelectorAll('tbody tr td:first-child').length, section.querySelectorAll('.dot').length]),
              freed: [...document.querySelectorAll('.freed')].map(section => section.querySelectorAll('tbody tr').length),
              overflow: document.scrollingElement.scrollWidth - innerWidth,
              dim: [...document.querySelectorAll('h1, h2, h3, p, td, th, dt, dd, code, li, summary')]
                .filter(element => element.offsetParent)
                .map(element => [element.textContent.slice(0, 20), contrast(parse(getComputedStyle(element).color), back(element))])
                .filter(([, ratio]) => ratio < 4.5),
            };
          });
          assert.deepEqual(found.document, documents[command]);
          const subjects = new Set(found.document.results.map(result => result.trace ?? result.workload)).size;
          assert.equal(found.verdicts.length, subjects);
          for (const verdict of found.verdicts) assert.match(verdict, /malloc4j takes [\d.,]+ ns an (event|operation)/);
          assert.equal(found.charts.length, subjects);
          for (const colors of [...found.charts, ...found.maps]) assert.ok(colors > 3, 'a canvas of ' + colors + ' colours');
          assert.equal(found.maps.length, subjects);
          const contenders = found.document.results.length / subjects;
          const rounds = found.document.settings.rounds;
          for (const [names, dots] of found.speed) {
            assert.equal(names, contenders + rounds);
            assert.equal(dots, contenders * rounds);
          }
          for (const rows of found.freed) assert.equal(rows, contenders);
          assert.ok(found.overflow <= 0, 'wider than the screen by ' + found.overflow);
          assert.deepEqual(found.dim, []);
          assert.deepEqual(told, []);
          await page.screenshot({ path: `report-${command}-${width}-${scheme}.png`, fullPage: true });
          await page.close();
        });
      }
    }
  }
});
