// What was seen of the process, and the tables of the heap that is shown.
import { $, count, element, number, row, size, time } from './basics.js';

const MAX_POINTS = 1800;
const TREND_SECONDS = 120;
const MIN_TREND_SECONDS = 10;
export const LINES = [
  ['allocated', 'allocatedBytes', '--live', []],
  ['active', 'activeBytes', '--extra', [6, 4]],
  ['mapped', 'mappedBytes', '--soft', [2, 3]],
  ['resident', 'residentBytes', '--free', []],
];

export const state = {
  kind: 'process',    // or a playground, or a saved look
  seen: null,         // the newest observation
  heap: null,         // the number of the heap that is shown
  history: new Map(), // of each heap: times, then a row for each line
  zoom: null,         // cells between two addresses, null for all
  cell: -1,           // the cell that is pointed at
};

export const view = () => state.seen && state.seen.heaps.find(each => each.footprint.heapId === state.heap);

/** Takes what was seen. */
export function see(seen) {
  state.seen = seen;
  if (!seen.heaps.some(each => each.footprint.heapId === state.heap)) {
    state.heap = seen.heaps.length ? seen.heaps[0].footprint.heapId : null;
  }
  $('process').textContent = '· process ' + seen.pid + (seen.program ? ' · ' + seen.program : '');
  $('process').title = seen.program;
  document.title = 'malloc4j · ' + seen.pid;
  $('verdict').textContent = seen.verdict;
}

export function remember(seen) {
  for (const { footprint } of seen.heaps) {
    if (!state.history.has(footprint.heapId)) state.history.set(footprint.heapId, [[], ...LINES.map(() => [])]);
    const columns = state.history.get(footprint.heapId);
    columns[0].push(seen.timeMillis / 1000);
    LINES.forEach(([, field], index) => columns[index + 1].push(footprint[field]));
    if (columns[0].length > MAX_POINTS) columns.forEach(column => column.shift());
  }
}

/** Says that allocated memory has grown lately, where all that was seen last is above all that was seen first. */
export function drawTrend() {
  const [times, allocated] = state.history.get(state.heap) || [[], []];
  const last = times.length - 1;
  const from = times.findIndex(seconds => seconds >= times[last] - TREND_SECONDS);
  const third = Math.floor((last - from + 1) / 3);
  const isLong = last > 0 && times[last] - times[from] >= MIN_TREND_SECONDS && third > 0;
  const grows = isLong && Math.min(...allocated.slice(last + 1 - third)) > Math.max(...allocated.slice(from, from + third));
  $('trend').hidden = !grows;
  if (grows) {
    $('trend').firstElementChild.textContent = 'What is allocated has grown since ' + time(times[from] * 1000) + ', by '
      + size((allocated[last] - allocated[from]) / (times[last] - times[from])) + ' a second.';
  }
}

/** Draws the tables of the heap that is shown, and one tab for each that can be; `changed` runs when another is. */
export function drawHeap(changed) {
  const shown = view();
  drawTabs(changed);
  drawTrend();
  drawBalance(shown.footprint);
  drawClasses(shown.classes);
  drawCaches(shown.caches);
}

function drawTabs(changed) {
  const tabs = $('heaps');
  const wanted = state.seen.heaps.map(each => each.footprint.heapId).join();
  if (tabs.dataset.heaps !== wanted) {
    tabs.dataset.heaps = wanted;
    tabs.replaceChildren(...state.seen.heaps.map(each => {
      const tab = element('button', each.footprint.name);
      tab.type = 'button';
      tab.setAttribute('role', 'tab');
      tab.dataset.heap = each.footprint.heapId;
      tab.addEventListener('click', () => {
        Object.assign(state, { heap: each.footprint.heapId, zoom: null, cell: -1 });
        changed();
      });
      return tab;
    }));
  }
  for (const tab of tabs.children) tab.setAttribute('aria-selected', String(Number(tab.dataset.heap) === state.heap));
}

function drawBalance(footprint) {
  const largest = Math.max(1, footprint.mappedBytes, footprint.retainedBytes, footprint.residentBytes);
  const parts = [
    ['allocated', 'allocatedBytes', ''],
    ['+ cached by threads', 'cachedBytes', 'idle'],
    ['+ free in slabs', 'slabFreeBytes', 'idle'],
    ['+ quarantined', 'quarantinedBytes', 'idle', true],
    ['+ sampling', 'samplingBytes', 'idle', true],
    ['+ changing hands', 'movingBytes', 'idle', true],
    ['= active', 'activeBytes', 'sum'],
    ['+ dirty', 'dirtyBytes', 'idle'],
    ['+ metadata', 'metadataBytes', 'idle'],
    ['= mapped', 'mappedBytes', 'sum'],
    ['resident', 'residentBytes', ''],
    ['retained', 'retainedBytes', 'gone'],
    ['returned so far', 'returnedBytes', 'none'],
  ];
  $('balance').tBodies[0].replaceChildren(...parts
    .filter(([, field, , seldom]) => !seldom || footprint[field] > 0)
    .map(([label, field, kind]) => {
      const bar = element('td', undefined, 'bar');
      if (kind !== 'none') {
        const fill = element('span', undefined, 'fill ' + kind);
        fill.style.width = 100 * footprint[field] / largest + '%';
        bar.append(fill);
      }
      const bytes = element('td', size(footprint[field]), 'number');
      bytes.title = count(footprint[field]) + ' bytes';
      bytes.dataset.field = field;
      bytes.dataset.bytes = footprint[field];
      const made = row([[label], bytes, bar]);
      if (kind === 'sum') made.className = 'sum';
      return made;
    }));
}

function drawClasses(classes) {
  const used = classes.filter(each => each.liveBlocks > 0), empty = classes.filter(each => each.liveBlocks === 0);
  $('classes').tBodies[0].replaceChildren(...used.map(each => {
    const all = each.liveBytes + each.freeBytes;
    const bar = element('td', undefined, 'bar');
    const fill = element('span', undefined, 'fill');
    fill.style.width = 100 * each.liveBytes / Math.max(1, all) + '%';
    fill.title = Math.round(100 * each.liveBytes / Math.max(1, all)) + ' %';
    bar.append(fill);
    return row([number(count(each.blockBytes)), number(count(each.slabs)), number(count(each.liveBlocks)),
      number(size(each.liveBytes)), number(size(each.freeBytes)), bar]);
  }));
  const free = empty.reduce((sum, each) => sum + each.freeBytes, 0);
  $('classes-text').textContent = empty.length ? 'And slabs of ' + count(empty.length)
    + (empty.length === 1 ? ' size' : ' sizes') + ' without a live block, ' + size(free) + ' free.' : '';
}

function drawCaches(caches) {
  $('caches').tBodies[0].replaceChildren(...caches.map(each =>
    row([[each.thread || '(none: of a thread that has ended)'], number(count(each.slabs)), number(size(each.liveBytes))])));
}
