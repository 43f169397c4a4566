// The page of `--report`: draws the figures of the document that stands in it, which is what `--json` prints.
'use strict';

const report = JSON.parse(document.getElementById('document').textContent);
const OURS = 'malloc4j';
const YARDSTICK = 'none';
const DASHES = [[], [], [8, 4], [2, 3], [12, 3, 2, 3], [5, 2], [2, 6], [14, 4], [4, 4]];

/** What both commands tell of an allocator, by one name each. */
const results = report.results.map(result => ({
  subject: result.trace ?? result.workload,
  allocator: result.allocator,
  version: result.version,
  rounds: result.roundNanosPerEvent ?? result.roundNanosPerOperation,
  median: result.medianNanosPerEvent ?? result.nanosPerOperation,
  peak: result.peakResidentBytes,
}));

function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes, unit = 0;
  while (Math.abs(value) >= 1023.5 && unit < units.length - 1) { value /= 1024; unit++; }
  const whole = unit === 0 || Math.abs(value) >= 99.95 || Math.round(value * 10) % 10 === 0;
  return value.toFixed(whole ? 0 : 1) + ' ' + units[unit];
}

const count = number => Math.round(number).toLocaleString('en-US');
const nanos = value => value < 100 ? value.toFixed(2) : value < 10_000 ? count(value) : (value / 1000).toFixed(1) + ' us';
const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function shape(tag, attributes, title) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (title) {
    const told = document.createElementNS('http://www.w3.org/2000/svg', 'title');
    told.textContent = title;
    made.append(told);
  }
  return made;
}

function row(allocator, cells) {
  const made = element('tr', undefined, allocator === OURS ? 'ours' : '');
  made.append(...cells.map(cell => cell instanceof Node ? cell : element('td', cell, 'number')));
  return made;
}

// ---- time

function drawSpeed(section, own) {
  const sorted = [...own].sort((left, right) => left.median - right.median);
  const best = Math.min(...sorted.filter(each => each.allocator !== YARDSTICK || sorted.length === 1).map(each => each.median));
  const most = 1.02 * Math.max(...sorted.flatMap(each => each.rounds));
  const unit = 'trace' in report.results[0] ? 'event' : 'operation';
  section.querySelector('tbody').replaceChildren(...sorted.map(each => {
    const strip = element('td', undefined, 'strip');
    strip.append(drawStrip(each, most));
    const name = element('td', each.allocator);
    name.title = each.version;
    return row(each.allocator, [name, nanos(Math.min(...each.rounds)), nanos(each.median), nanos(Math.max(...each.rounds)),
      (each.median / best).toFixed(2), strip]);
  }));
  section.querySelector('.hint').textContent = 'Time per ' + unit + ', in ns where no unit stands, from 0 to ' + nanos(most)
    + ' at the right: a dot for each of ' + sorted[0].rounds.length + ' rounds, a stroke at the median, a bar from the best to the worst.';
  const head = element('tr');
  head.append(element('th', 'round'), ...sorted.map(each => element('th', each.allocator, 'number')));
  section.querySelector('.rounds thead').replaceChildren(head);
  section.querySelector('.rounds tbody').replaceChildren(...sorted[0].rounds.map((_, round) =>
    row('', [element('td', String(round + 1)), ...sorted.map(each => nanos(each.rounds[round]))])));
}

function drawStrip(each, most) {
  const at = value => (100 * value / most).toFixed(2) + '%';
  const picture = shape('svg', { role: 'img', 'aria-label': each.rounds.map(nanos).join(', ') });
  picture.append(shape('line', { class: 'range', x1: at(Math.min(...each.rounds)), x2: at(Math.max(...each.rounds)), y1: '50%', y2: '50%' }));
  each.rounds.forEach((value, round) => picture.append(
    shape('circle', { class: 'dot', cx: at(value), cy: '50%', r: 4 }, 'round ' + (round + 1) + ': ' + nanos(value) + ' ns')));
  picture.append(shape('line', { class: 'middle', x1: at(each.median), x2: at(each.median), y1: '10%', y2: '90%' }));
  return picture;
}

// ---- memory over time

function drawChart(section, footprints) {
  const holder = section.querySelector('.chart');
  holder.replaceChildren();
  const byEvent = footprints[0].unit === 'event';
  const lines = footprints.map(each => [each.at, each.residentBytes]);
  const live = footprints[0].liveBytes;
  if (live) lines.push([footprints[0].at, live]);
  const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line') } };
  const plot = new uPlot({
    width: Math.max(200, holder.clientWidth), height: 300,
    scales: { x: { time: false }, y: { range: (u, min, max) => [0, Math.max(1, max * 1.05)] } },
    axes: [
      { ...axis, values: (u, values) => values.map(count), label: byEvent ? 'event number' : 'milliseconds since the workload began', labelSize: 20, labelFont: '13px sans-serif' },
      { ...axis, size: 80, incrs: Array.from({ length: 50 }, (_, power) => 2 ** power), values: (u, values) => values.map(size) },
    ],
    series: [
      { label: byEvent ? 'event' : 'ms', value: (u, value) => value == null ? '' : count(value) },
      ...footprints.map((each, index) => ({
        label: each.allocator, stroke: color('--line' + index % 9), dash: DASHES[index % 9], width: each.allocator === OURS ? 3 : 1.5,
        spanGaps: true, value: (u, value) => value == null ? '' : size(value),
      })),
      ...(live ? [{ label: 'live', stroke: color('--soft'), width: 1, fill: color('--line') + '55', value: (u, value) => value == null ? '' : size(value) }] : []),
    ],
  }, uPlot.join(lines), holder);
  section.querySelector('.hint').textContent = byEvent
    ? 'Looked at ' + footprints[0].at.length + ' times in a round of its own that is not in the times above. The round stands still at each look, so what gives memory back in the background has more time than in a program. Live is what the trace has asked for and not yet freed.'
    : 'Looked at while the workload went by, in a round of its own that is not in the times above: each allocator does the same work, at its own pace.';
  return plot;
}

// ---- what went back

function drawFreed(section, footprints, own) {
  const peaks = footprints.map(each => Math.max(...each.residentBytes, ...own
    .filter(result => result.allocator === each.allocator && result.peak != null).map(result => result.peak)));
  const most = Math.max(1, ...footprints.map(each => each.afterFree.at(-1).residentBytes));
  section.querySelector('tbody').replaceChildren(...footprints.map((each, index) => {
    const bar = element('td', undefined, 'bar');
    const fill = element('span', undefined, 'fill');
    fill.style.width = 100 * each.afterFree.at(-1).residentBytes / most + '%';
    bar.append(fill);
    return row(each.allocator, [element('td', each.allocator), size(peaks[index]), ...each.afterFree.map(look => size(look.residentBytes)), bar]);
  }));
}

// ---- the map of cells

function drawMap(section, map, state) {
  const canvas = section.querySelector('canvas');
  const width = canvas.clientWidth;
  const length = map.address.length;
  const side = Math.max(8, Math.min(24, Math.floor(Math.sqrt(width * 240 / Math.max(1, length)))));
  const columns = Math.max(1, Math.floor(width / side));
  const height = Math.ceil(length / columns) * side;
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = height + 'px';
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  const colors = { live: color('--live'), free: color('--free'), returned: color('--returned'), ink: color('--ink') };
  for (let index = 0; index < length; index++) {
    const x = index % columns * side, y = Math.floor(index / columns) * side;
    const bytes = Math.max(1, map.byteSize[index]);
    const live = Math.round((side - 1) * map.liveBytes[index] / bytes);
    const free = Math.round((side - 1) * (map.liveBytes[index] + map.freeBytes[index]) / bytes);
    pen.fillStyle = colors.returned;
    pen.fillRect(x, y, side - 1, side - 1);
    pen.fillStyle = colors.free;
    pen.fillRect(x, y + side - 1 - free, side - 1, free);
    pen.fillStyle = colors.live;
    pen.fillRect(x, y + side - 1 - live, side - 1, live);
    if (index === state.cell) {
      pen.strokeStyle = colors.ink;
      pen.lineWidth = 2;
      pen.strokeRect(x, y, side - 1, side - 1);
    }
  }
  canvas.dataset.cells = length;
  state.side = side;
  state.columns = columns;
}

function watchMap(section, map, state) {
  const canvas = section.querySelector('canvas');
  const sum = values => values.reduce((total, value) => total + value, 0);
  const all = size(sum(map.byteSize)) + ' in ' + count(map.address.length) + ' cells: ' + size(sum(map.liveBytes)) + ' live, '
    + size(sum(map.freeBytes)) + ' free but resident, ' + size(sum(map.returnedBytes)) + ' returned or never used.';
  canvas.setAttribute('aria-label', all);
  section.querySelector('.cell').textContent = all + ' Point at a cell, or move with the arrow keys.';
  const tell = index => {
    if (index < 0 || index >= map.address.length) return;
    state.cell = index;
    const block = map.blockBytes[index];
    section.querySelector('.cell').textContent = '0x' + map.address[index].toString(16) + ', ' + size(map.byteSize[index]) + ': '
      + size(map.liveBytes[index]) + ' live, ' + size(map.freeBytes[index]) + ' free and resident, ' + size(map.returnedBytes[index])
      + ' returned' + (block ? '; a slab of blocks of ' + count(block) + ' bytes' : '') + '.';
    drawMap(section, map, state);
  };
  canvas.addEventListener('mousemove', event =>
    tell(Math.floor(event.offsetY / state.side) * state.columns + Math.floor(event.offsetX / state.side)));
  canvas.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: state.columns, ArrowUp: -state.columns }[event.key];
    if (!step) return;
    tell(Math.max(0, state.cell + step));
    event.preventDefault();
  });
}

// ---- all of it

const redraws = [];

for (const article of document.querySelectorAll('article')) {
  const own = results.filter(result => result.subject === article.dataset.subject);
  const footprints = (report.footprints ?? []).filter(each => each.subject === article.dataset.subject);
  article.append(document.getElementById('subject').content.cloneNode(true));
  const section = name => article.querySelector('.' + name);
  drawSpeed(section('speed'), own);
  if (footprints.length) {
    let plot;
    redraws.push(() => { plot?.destroy(); plot = drawChart(section('time'), footprints); });
    drawFreed(section('freed'), footprints, own);
  } else {
    section('time').remove();
    section('freed').remove();
  }
  const map = footprints.map(each => each.cells).find(cells => cells);
  if (map) {
    const state = { cell: -1, side: 1, columns: 1 };
    watchMap(section('map'), map, state);
    redraws.push(() => drawMap(section('map'), map, state));
  } else {
    section('map').remove();
  }
}

const redraw = () => redraws.forEach(each => each());
redraw();
addEventListener('resize', redraw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
document.body.dataset.drawn = 'true';
