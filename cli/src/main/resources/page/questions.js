// What is asked by a button: who has allocated what, what keeps growing, whose blocks keep pages, and a trim.
import { $, ask, count, element, many, number, on, row, size, stack, time } from './basics.js';
import { state } from './heap.js';
import { learnSlabs } from './slabs.js';

const FIRST_READ_MILLIS = 5000;

/** The newest answers, for who saves them. */
export const answers = { sites: null, held: null, leaks: null };

let mark = null; // live bytes by site, at the moment that was marked

const key = site => site.heap + '\n' + site.stack.join('\n');

export function showSites(report) {
  answers.sites = report;
  $('sampled').textContent = report.heaps.length ? told(report) : 'No samples are taken yet.';
  $('site-table').tBodies[0].replaceChildren(...report.sites.slice(0, 50).map(site => {
    const grown = mark ? site.liveBytes - (mark.get(key(site)) || 0) : null;
    const cell = element('td');
    cell.append(stack(site.stack[0] || '(no stack)', site.stack.slice(1)));
    const off = site.liveBytes ? ' ±' + Math.round(100 * site.liveDeviationBytes / site.liveBytes) + ' %' : '';
    return row([number(size(site.liveBytes) + off), number(grown == null ? '' : (grown > 0 ? '+' : '') + size(grown)),
      number(count(site.liveBlocks)), number(size(site.totalBytes)), cell]);
  }));
  return report;
}

/** How many samples a reading stands on, since when. Sampling that costs too much thins itself, so the distance is counted. */
function told(report) {
  const samples = report.sites.reduce((sum, site) => sum + site.totalSamples, 0);
  const bytes = report.heaps.reduce((sum, heap) => sum + heap.totalBytes, 0);
  const seconds = Math.max(...report.heaps.map(heap => heap.durationNanos)) / 1e9;
  return 'Read at ' + time(Date.now()) + ': ' + many(samples, 'sample') + ' in ' + count(seconds) + ' s'
    + (samples ? ', one for about ' + size(bytes / samples) + ' allocated' : '') + '. What was allocated before is not seen.';
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

/** @param grown by how much more is allocated in all heaps than when the watch began, where that is known */
export function showLeaks(found, grown) {
  answers.leaks = found;
  const lines = found.verdicts.map(verdict => element('p', verdict));
  if (grown > 0) {
    const named = found.report.leaks.reduce((sum, leak) => sum + leak.grownBytes, 0);
    lines.push(element('p', 'In that time the heaps have grown by ' + size(grown) + ' in all, young blocks included; the lines'
      + ' named account for ' + size(named) + (named * 3 < grown ? ': a longer watch may name more.' : '.')));
  }
  lines.push(...found.report.leaks.map(leak => stack('grown by ' + size(leak.grownBytes) + ' to ' + size(leak.liveBytes) + ' in about '
    + many(leak.liveBlocks, 'block') + ' (' + many(leak.samples, 'sample') + '), the oldest '
    + count(leak.oldestAgeMillis / 1000) + ' s old: ' + (leak.stack[0] || '(no stack)'), leak.stack.slice(1))));
  $('leaks-text').replaceChildren(...lines);
  $('leaks-text').dataset.leaks = found.report.leaks.length;
}

const allocated = () => state.seen.heaps.reduce((sum, { footprint }) => sum + footprint.allocatedBytes, 0);

on('sites', readSites);
on('mark', async () => {
  const report = await ask('/sites.json');
  mark = new Map(report.sites.map(site => [key(site), site.liveBytes]));
  $('since').textContent = 'since ' + time(Date.now());
  showSites(report);
});
on('profile', async () => {
  const started = await ask('/profile?sampleBytes=' + 512 * 1024, 'POST');
  if (started.startedHeaps) {
    $('sampled').textContent = 'Samples are taken from now on, until this command ends. They are read in a few seconds.';
    setTimeout(() => readSites().catch(() => {}), FIRST_READ_MILLIS);
  } else {
    await readSites();
  }
});
on('leaks', async () => {
  const seconds = Number($('leak-seconds').value), before = allocated(), end = Date.now() + seconds * 1000;
  const left = element('p');
  const countDown = () => { left.textContent = 'Watching: ' + Math.max(0, Math.ceil((end - Date.now()) / 1000)) + ' s left.'; };
  countDown();
  $('leaks-text').replaceChildren(left);
  const timer = setInterval(countDown, 1000);
  try {
    showLeaks(await ask('/leaks?seconds=' + seconds, 'POST'), allocated() - before);
  } catch (failed) {
    $('leaks-text').replaceChildren();
    throw failed;
  } finally {
    clearInterval(timer);
  }
});
on('trim', async () => {
  const report = await ask('/trim', 'POST');
  const back = report.heaps.reduce((sum, heap) => sum + Math.max(0, heap.residentBytesBefore - heap.residentBytesAfter), 0);
  $('trimmed').textContent = back ? size(back) + ' given back.' : 'There was nothing to give back that is in memory.';
});
on('held', async () => {
  await readHeld();
  await learnSlabs();
});
