// The process's addresses: the brk heap and the mmap zone side by side. Of the brk heap addresses are to scale, so that
// the break is seen to move; of the mmap zone, which spans terabytes, a range is as wide as the logarithm of its size.
import { $, ask, color, count, element, hex, many, number, pen, row, say, size } from './basics.js';
import { state } from './heap.js';

const STYLES = { // of each group of owners: its colour, and what is drawn over it
  malloc4j: ['--live', ''],
  'C heap': ['--free', ''],
  JVM: ['--jvm', ''],
  libraries: ['--returned', 'rising'],
  program: ['--returned', 'rising'],
  kernel: ['--returned', 'rising'],
  stacks: ['--returned', 'upright'],
  'files and shared memory': ['--returned', 'level'],
  anonymous: ['--returned', ''],
};
const LEGEND = [
  ['malloc4j', 'malloc4j'], ['C library', 'C heap'], ['JVM', 'JVM'], ['code', 'libraries'], ['stacks', 'stacks'],
  ['files', 'files and shared memory'], ['unknown', 'anonymous'], ['guard', 'guard'], ['addresses without memory', 'reserved'],
];
const MARGIN = 22; // above the strip, for the break

const panes = ['brk heap', 'mmap zone'].map((name, index) => ({
  name, canvas: $('space-' + index), text: $('space-text-' + index), out: $('space-out-' + index),
  windows: [], runs: null, index: -1, isToScale: index === 0,
}));
let newest = null;
let isAsking = false;

export const space = () => newest;

/** Reads the addresses anew, unless that is being done. */
export async function refreshSpace() {
  if (isAsking) return;
  isAsking = true;
  try {
    showSpace(await ask('/space.json'));
    for (const pane of panes) if (pane.windows.length) await zoom(pane);
  } catch (failed) { say(failed.message); }
  isAsking = false;
}

export function showSpace(seen) {
  newest = seen;
  $('space-verdict').textContent = seen.verdict;
  const [low] = seen.panes;
  $('space-break').textContent = (seen.breakEnd < 0
    ? 'The program break has given nothing. '
    : 'The break is at ' + hex(seen.breakEnd) + (seen.breakStart < 0 ? '' : ', ' + size(seen.breakEnd - seen.breakStart)
      + ' above where it began') + '; ' + size(low.residentBytes) + ' of the brk heap are in memory. ')
    + (seen.elsewhere.length ? 'Elsewhere: ' + seen.elsewhere.map(place =>
      place.name + ' ' + size(place.mappedBytes) + ' from ' + hex(place.from)).join(', ') + '.' : '');
  document.body.dataset.breakEnd = seen.breakEnd;
  drawSpace();
  if ($('space-all').open) drawTable();
}

export function drawSpace() {
  const begin = performance.now();
  if (newest) panes.forEach(paint);
  document.body.dataset.spaceMillis = (performance.now() - begin).toFixed(1);
}

const last = pane => pane.windows[pane.windows.length - 1];
const runsOf = pane => (pane.windows.length && pane.runs) || newest.panes.find(each => each.name === pane.name).runs;

/** Where each run is drawn, in address order. */
function places(pane) {
  const runs = runsOf(pane), width = pane.canvas.clientWidth;
  if (!runs.length) return [];
  if (pane.isToScale) {
    const window = last(pane) || wholeBreak(runs);
    const scale = width / (window.to - window.from);
    return runs.map(run => ({ run, x: (run.address - window.from) * scale, width: Math.max(2, run.byteSize * scale) }));
  }
  const weigh = bytes => 1 + Math.log2(1 + bytes / 4096);
  let end = runs[0].address, sum = 0;
  const weights = runs.map(run => {
    const gap = run.address > end ? 2 : 0;
    end = run.address + run.byteSize;
    const weight = weigh(run.byteSize);
    sum += gap + weight;
    return { run, gap, weight };
  });
  let x = 0;
  return weights.map(({ run, gap, weight }) => {
    const place = { run, x: x + gap * width / sum, width: weight * width / sum };
    x = place.x + place.width;
    return place;
  });
}

/** From where the break began to the next power of two behind it, so that it has room to move. */
function wholeBreak(runs) {
  const end = runs[runs.length - 1].address + runs[runs.length - 1].byteSize;
  const from = newest.breakStart < 0 ? runs[0].address : Math.min(newest.breakStart, runs[0].address);
  let room = 1 << 20;
  while (room < (end - from) * 1.1) room *= 2;
  return { from, to: from + room };
}

const styles = new Map();

/** What fills a range: a colour, with lines over it where several owners share it. */
export function filling(name, over) {
  const key = color('--ink') + name + over;
  if (!styles.has(key)) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 8;
    const brush = tile.getContext('2d');
    brush.fillStyle = color(name);
    brush.fillRect(0, 0, 8, 8);
    brush.strokeStyle = color(over === 'crossed' ? '--ink' : '--soft');
    brush.lineWidth = over === 'crossed' ? 1.5 : 1.2;
    const lines = {
      rising: [[0, 8, 8, 0]], upright: [[4, 0, 4, 8]], level: [[0, 4, 8, 4]], crossed: [[0, 8, 8, 0], [0, 0, 8, 8]], '': [],
    };
    for (const [x, y, toX, toY] of lines[over]) {
      brush.beginPath();
      brush.moveTo(x, y);
      brush.lineTo(toX, toY);
      brush.stroke();
    }
    styles.set(key, brush.createPattern(tile, 'repeat'));
  }
  return styles.get(key);
}

function box(brush, run, x, y, width, height) {
  const [name, over] = STYLES[run.group] || STYLES.anonymous;
  brush.fillStyle = color('--back');
  brush.fillRect(x, y, width, height);
  if (run.isGuard) {
    brush.fillStyle = filling('--back', 'crossed');
    brush.fillRect(x, y, width, height);
  } else if (!run.isReserved) {
    const filled = height * Math.min(1, run.residentBytes / run.byteSize);
    brush.fillStyle = filling(name, over);
    brush.globalAlpha = 0.35;
    brush.fillRect(x, y, width, height);
    brush.globalAlpha = 1;
    brush.fillRect(x, y + height - filled, width, filled);
  }
  if (width > 3) {
    brush.strokeStyle = color('--line');
    brush.lineWidth = 1;
    brush.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  }
}

function paint(pane) {
  const brush = pen(pane.canvas);
  const width = pane.canvas.clientWidth, height = pane.canvas.clientHeight - MARGIN;
  const drawn = places(pane);
  brush.fillStyle = color('--panel');
  brush.fillRect(0, 0, width, height + MARGIN);
  for (const { run, x, width: wide } of drawn.toSorted((one, other) => other.width - one.width)) {
    box(brush, run, x, MARGIN, wide, height);
  }
  if (pane.index >= 0 && drawn[pane.index]) {
    brush.strokeStyle = color('--ink');
    brush.lineWidth = 3;
    brush.strokeRect(drawn[pane.index].x + 1, MARGIN + 1, Math.max(3, drawn[pane.index].width - 2), height - 2);
  }
  if (pane.isToScale) paintBreak(pane, brush, drawn, width, height);
  pane.canvas.dataset.runs = drawn.length;
  pane.out.hidden = !pane.windows.length;
}

/** A line where the break is, which moves when it does. */
function paintBreak(pane, brush, drawn, width, height) {
  const end = drawn.find(({ run }) => run.address + run.byteSize === newest.breakEnd);
  brush.fillStyle = brush.strokeStyle = color('--ink');
  brush.font = '13px system-ui, sans-serif';
  if (!end) {
    brush.fillText(newest.breakEnd < 0 ? 'The break has not moved yet.' : 'The break is not in this part.', 4, 15);
    return;
  }
  const x = Math.min(width - 1, end.x + end.width);
  brush.lineWidth = 2;
  brush.beginPath();
  brush.moveTo(x, 2);
  brush.lineTo(x, height + MARGIN);
  brush.stroke();
  brush.textAlign = x > width / 2 ? 'right' : 'left';
  brush.fillText(brush.textAlign === 'right' ? 'break ▸' : '◂ break', x + (brush.textAlign === 'right' ? -4 : 4), 15);
  pane.canvas.dataset.breakAt = Math.round(x);
}

function tell(pane, index) {
  const { run } = places(pane)[index] || {};
  if (!run) return;
  pane.index = index;
  pane.text.textContent = hex(run.address) + ' to ' + hex(run.address + run.byteSize) + ', ' + size(run.byteSize)
    + (run.isReserved ? ' without memory' : ', ' + size(run.residentBytes) + ' in memory') + ': ' + run.owner
    + (run.detail ? ', ' + run.detail : '') + (run.isGuard ? ', a guard' : '')
    + (run.others ? ', and ' + many(run.others, 'other range') : run.areas > 1 ? ', ' + count(run.areas) + ' areas' : '')
    + (run.areas > 1 && state.kind !== 'saved' ? '. Enter or a click zooms in.' : pane.windows.length ? '. Escape zooms out.' : '.');
  paint(pane);
}

async function zoom(pane) {
  const { from, to } = last(pane);
  const part = await ask('/space.json?from=' + from + '&to=' + to);
  pane.runs = part.panes.find(each => each.name === pane.name).runs;
  paint(pane);
}

async function zoomIn(pane) {
  const { run } = places(pane)[pane.index] || {};
  if (!run || run.areas < 2 || state.kind === 'saved') return;
  pane.windows.push({ from: run.address, to: run.address + run.byteSize });
  try {
    await zoom(pane);
    tell(pane, 0);
  } catch (failed) { pane.windows.pop(); say(failed.message); }
}

async function zoomOut(pane) {
  pane.windows.pop();
  pane.index = -1;
  pane.runs = null;
  if (pane.windows.length) await zoom(pane).catch(failed => say(failed.message));
  else paint(pane);
  pane.text.textContent = '';
}

function at(pane, x) {
  const drawn = places(pane);
  let found = -1;
  drawn.forEach((place, index) => {
    const isIn = x >= place.x && x < place.x + place.width;
    if (isIn && (found < 0 || place.width < drawn[found].width)) found = index;
  });
  return found;
}

for (const pane of panes) {
  pane.canvas.addEventListener('mousemove', event => tell(pane, at(pane, event.offsetX)));
  pane.canvas.addEventListener('click', event => { tell(pane, at(pane, event.offsetX)); zoomIn(pane); });
  pane.canvas.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) tell(pane, Math.min(runsOf(pane).length - 1, Math.max(0, pane.index + step)));
    else if (event.key === 'Enter') zoomIn(pane);
    else if (event.key === 'Escape') zoomOut(pane);
    else return;
    event.preventDefault();
  });
  pane.out.addEventListener('click', () => zoomOut(pane));
}

function drawTable() {
  $('space-table').tBodies[0].replaceChildren(...newest.panes.flatMap(pane => pane.runs.map(run =>
    row([[hex(run.address), 'number'], number(size(run.byteSize)), number(size(run.residentBytes)),
      [run.owner + (run.isGuard ? ' (guard)' : run.isReserved ? ' (no memory)' : '') + (run.others ? ' and others' : '')]]))));
}
$('space-all').addEventListener('toggle', () => { if ($('space-all').open && newest) drawTable(); });

export function drawSpaceLegend() {
  $('space-legend').replaceChildren(...LEGEND.map(([label, group]) => {
    const made = element('span', undefined, 'mark');
    const canvas = document.createElement('canvas');
    canvas.className = 'swatch';
    canvas.width = canvas.height = 28;
    const brush = canvas.getContext('2d');
    box(brush, { group, isGuard: group === 'guard', isReserved: group === 'reserved', residentBytes: 1, byteSize: 1 }, 0, 0, 28, 28);
    made.append(canvas, ' ' + label);
    return made;
  }));
}
