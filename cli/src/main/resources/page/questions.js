// What is asked by a button: who has allocated what, what keeps growing, whose blocks keep pages, and a trim.
import { $, ask, count, element, many, number, on, row, size, stack } from './basics.js';
import { learnSlabs } from './slabs.js';

const LEAK_SECONDS = 10;

/** The newest answers, for who saves them. */
export const answers = { sites: null, held: null, leaks: null };

let mark = null; // live bytes by site, at the moment that was marked

const key = site => site.heap + '\n' + site.stack.join('\n');

export function showSites(report) {
  answers.sites = report;
  $('sampled').textContent = report.heaps.length
    ? 'One sample for each ' + size(report.heaps[0].sampleBytes) + ' allocated.'
    : 'No samples are taken yet.';
  $('site-table').tBodies[0].replaceChildren(...report.sites.slice(0, 50).map(site => {
    const grown = mark ? site.liveBytes - (mark.get(key(site)) || 0) : null;
    const cell = element('td');
    cell.append(stack(site.stack[0] || '(no stack)', site.stack.slice(1)));
    return row([number(size(site.liveBytes)), number(grown == null ? '' : (grown > 0 ? '+' : '') + size(grown)),
      number(count(site.liveBlocks)), number(size(site.totalBytes)), cell]);
  }));
  return report;
}

export const readSites = async () => showSites(await ask('/sites.json'));

export function showHeld(report) {
  answers.held = report;
  const lines = [];
  for (const heap of report.heaps) {
    lines.push(element('p', heap.slabs === 0
      ? 'Heap ' + heap.name + ': no slab holds pages for few blocks.'
      : 'Heap ' + heap.name + ': ' + many(heap.liveBlocks, 'block') + ' of together ' + size(heap.liveBytes) + ' hold '
        + size(heap.heldBytes) + ' of pages in ' + many(heap.slabs, 'slab')
        + (heap.sites.length ? '. The map above says whose they are, cell by cell.'
          : '; with -Dmalloc4j.profileBytes=1 the program would know whose they are.')));
    for (const site of heap.sites.slice(0, 20)) {
      lines.push(stack(size(site.heldBytes) + ' by ' + many(site.liveBlocks, 'block') + ' of '
        + (site.stack[0] || '(no stack)'), site.stack.slice(1)));
    }
  }
  $('held-text').replaceChildren(...lines);
}

export const readHeld = async () => showHeld(await ask('/held.json'));

export function showLeaks(found) {
  answers.leaks = found;
  $('leaks-text').replaceChildren(
    ...found.verdicts.map(verdict => element('p', verdict)),
    ...found.report.leaks.map(leak => stack('grown by ' + size(leak.grownBytes) + ' to ' + size(leak.liveBytes) + ' in about '
      + many(leak.liveBlocks, 'block') + ' (' + many(leak.samples, 'sample') + '), the oldest '
      + count(leak.oldestAgeMillis / 1000) + ' s old: ' + (leak.stack[0] || '(no stack)'), leak.stack.slice(1))));
  $('leaks-text').dataset.leaks = found.report.leaks.length;
}

on('sites', readSites);
on('mark', async () => {
  const report = await ask('/sites.json');
  mark = new Map(report.sites.map(site => [key(site), site.liveBytes]));
  await readSites();
});
on('profile', async () => {
  const started = await ask('/profile?sampleBytes=' + 512 * 1024, 'POST');
  $('sampled').textContent = started.startedHeaps
    ? 'Samples are taken from now on: what was allocated before is not seen.'
    : 'The program takes samples already.';
});
on('leaks', async () => {
  $('leaks-text').replaceChildren(element('p', 'Watching for ' + LEAK_SECONDS + ' seconds.'));
  try {
    showLeaks(await ask('/leaks?seconds=' + LEAK_SECONDS, 'POST'));
  } catch (failed) {
    $('leaks-text').replaceChildren();
    throw failed;
  }
});
on('trim', async () => {
  const report = await ask('/trim', 'POST');
  const back = report.heaps.reduce((sum, heap) => sum + Math.max(0, heap.residentBytesBefore - heap.residentBytesAfter), 0);
  $('trimmed').textContent = back ? size(back) + ' given back.' : 'There was nothing to give back.';
});
on('held', async () => {
  await readHeld();
  await learnSlabs();
});
