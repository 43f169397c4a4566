// The page of `malloc4j serve`: draws what /events brings. Every number is in /snapshot.json as well.
'use strict';

const $ = id => document.getElementById(id);
const token = location.hash.slice(1);
const MAX_POINTS = 1800;
const LINES = [
  ['allocated', 'allocatedBytes', '--live', []],
  ['active', 'activeBytes', '--extra', [6, 4]],
  ['mapped', 'mappedBytes', '--soft', [2, 3]],
  ['resident', 'residentBytes', '--free', []],
];

const state = {
  seen: null,         // the newest observation
  heap: null,         // the number of the heap that is shown
  history: new Map(), // of each heap: times, then a row for each line
  zoom: null,         // cells between two addresses, null for all
  cell: -1,           // the cell that is pointed at
  mark: null,         // live bytes by site, at the moment that was marked
  chart: null,
};

function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes, unit = 0;
  while (Math.abs(value) >= 1023.5 && unit < units.length - 1) { value /= 1024; unit++; }
  const whole = unit === 0 || Math.abs(value) >= 99.95 || Math.round(value * 10) % 10 === 0;
  return value.toFixed(whole ? 0 : 1) + ' ' + units[unit];
}

const count = number => Math.round(number).toLocaleString('en-US');
const hex = address => '0x' + address.toString(16);
const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function row(cells) {
  const made = document.createElement('tr');
  for (const cell of cells) {
    made.append(cell instanceof Node ? cell : element('td', cell[0], cell[1]));
  }
  return made;
}

const number = text => [text, 'number'];

function say(problem) {
  $('problem').textContent = problem;
  $('problem').hidden = !problem;
}

async function ask(path, method = 'GET') {
  const answer = await fetch(path, { method, headers: method === 'POST' ? { 'X-Malloc4j-Token': token } : {} });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

/** Runs what a button does, and says what went wrong. */
function on(id, action) {
  $(id).addEventListener('click', async () => {
    $(id).disabled = true;
    try { await action(); say(''); } catch (failed) { say(failed.message); }
    $(id).disabled = false;
  });
}

// ---- one look

function show(seen) {
  state.seen = seen;
  if (!seen.heaps.some(view => view.footprint.heapId === state.heap)) {
    state.heap = seen.heaps.length ? seen.heaps[0].footprint.heapId : null;
  }
  for (const view of seen.heaps) remember(view.footprint, seen.timeMillis);
  $('process').textContent = '· process ' + seen.pid + (seen.program ? ' · ' + seen.program : '');
  document.title = 'malloc4j · ' + seen.pid;
  $('process').title = seen.program;
  $('verdict').textContent = seen.verdict;
  draw();
  document.body.dataset.tick = seen.tick;
}

function remember(footprint, timeMillis) {
  if (!state.history.has(footprint.heapId)) state.history.set(footprint.heapId, [[], ...LINES.map(() => [])]);
  const columns = state.history.get(footprint.heapId);
  columns[0].push(timeMillis / 1000);
  LINES.forEach(([, field], index) => columns[index + 1].push(footprint[field]));
  if (columns[0].length > MAX_POINTS) columns.forEach(column => column.shift());
}

const view = () => state.seen && state.seen.heaps.find(each => each.footprint.heapId === state.heap);

function draw() {
  const shown = view();
  if (!shown) return;
  drawTabs();
  drawBalance(shown.footprint);
  drawClasses(shown.classes);
  drawCaches(shown.caches);
  drawChart();
  if (!state.zoom) drawMap();
}

function drawTabs() {
  const tabs = $('heaps');
  const wanted = state.seen.heaps.map(each => each.footprint.heapId).join();
  if (tabs.dataset.heaps !== wanted) {
    tabs.dataset.heaps = wanted;
    tabs.replaceChildren(...state.seen.heaps.map(each => {
      const tab = element('button', each.footprint.name);
      tab.type = 'button';
      tab.setAttribute('role', 'tab');
      tab.dataset.heap = each.footprint.heapId;
      tab.addEventListener('click', () => { state.heap = each.footprint.heapId; state.zoom = null; state.cell = -1; draw(); });
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
  $('classes').tBodies[0].replaceChildren(...classes.map(each => {
    const all = each.liveBytes + each.freeBytes;
    const bar = element('td', undefined, 'bar');
    const fill = element('span', undefined, 'fill');
    fill.style.width = 100 * each.liveBytes / Math.max(1, all) + '%';
    fill.title = Math.round(100 * each.liveBytes / Math.max(1, all)) + ' %';
    bar.append(fill);
    return row([number(count(each.blockBytes)), number(count(each.slabs)), number(count(each.liveBlocks)),
      number(size(each.liveBytes)), number(size(each.freeBytes)), bar]);
  }));
}

function drawCaches(caches) {
  $('caches').tBodies[0].replaceChildren(...caches.map(each =>
    row([[each.thread || '(none: of a thread that has ended)'], number(count(each.slabs)), number(size(each.liveBytes))])));
}

// ---- lines over time

function drawChart() {
  const columns = state.history.get(state.heap);
  const width = Math.max(200, $('chart').clientWidth);
  if (state.chart && state.chart.heap === state.heap && state.chart.width === width) {
    state.chart.plot.setData(columns);
    return;
  }
  if (state.chart) state.chart.plot.destroy();
  const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line') } };
  const plot = new uPlot({
    width, height: 240,
    scales: { x: { range: (u, min, max) => [Math.min(min, max - 60), max] }, y: { range: (u, min, max) => [0, Math.max(1, max * 1.05)] } },
    axes: [axis, { ...axis, size: 80, incrs: Array.from({ length: 50 }, (_, power) => 2 ** power), values: (u, values) => values.map(size) }],
    series: [{}, ...LINES.map(([label, , stroke, dash]) => ({
      label, stroke: color(stroke), width: 2, dash, value: (u, value) => value == null ? '' : size(value),
    }))],
  }, columns, $('chart'));
  state.chart = { plot, heap: state.heap, width };
}

// ---- the map of cells

const cells = () => state.zoom || (view() && view().cells);

function grid() {
  const map = cells();
  const canvas = $('map');
  const width = canvas.clientWidth, height = canvas.clientHeight;
  const length = map ? map.address.length : 0;
  let side = Math.max(6, Math.min(24, Math.floor(Math.sqrt(width * height / Math.max(1, length)))));
  while (side > 3 && Math.ceil(length / Math.max(1, Math.floor(width / side))) * side > height) side--;
  return { map, canvas, width, height, length, side, columns: Math.max(1, Math.floor(width / side)) };
}

function drawMap() {
  const { map, canvas, width, height, length, side, columns } = grid();
  const ratio = window.devicePixelRatio || 1;
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
}

function tell(index) {
  const map = cells();
  if (!map || index < 0 || index >= map.address.length) return;
  state.cell = index;
  const block = map.blockBytes[index];
  $('cell').textContent = hex(map.address[index]) + ', ' + size(map.byteSize[index]) + ': ' + size(map.liveBytes[index])
    + ' live, ' + size(map.freeBytes[index]) + ' free and resident, ' + size(map.returnedBytes[index]) + ' returned'
    + (block ? '; a slab of blocks of ' + count(block) + ' bytes' : '')
    + (state.zoom ? '. Escape zooms out.' : '. Enter or a click zooms in.');
  drawMap();
}

async function zoomIn() {
  const map = cells();
  if (!map || state.cell < 0 || state.cell >= map.address.length) return;
  const middle = map.address[state.cell];
  const span = map.byteSize[state.cell] * 8;
  try {
    state.zoom = await ask('/cells.json?heap=' + state.heap + '&from=' + Math.max(0, middle - span) + '&to=' + (middle + span));
    tell(Math.max(0, state.zoom.address.findIndex(address => address >= middle)));
    drawMap();
  } catch (failed) { say(failed.message); }
}

function zoomOut() {
  state.zoom = null;
  state.cell = -1;
  drawMap();
}

$('map').addEventListener('mousemove', event => {
  const { columns, side } = grid();
  tell(Math.floor(event.offsetY / side) * columns + Math.floor(event.offsetX / side));
});
$('map').addEventListener('click', () => state.zoom ? zoomOut() : zoomIn());
$('map').addEventListener('keydown', event => {
  const { columns } = grid();
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (step) tell(Math.max(0, state.cell + step));
  else if (event.key === 'Enter') zoomIn();
  else if (event.key === 'Escape') zoomOut();
  else return;
  event.preventDefault();
});

// ---- who, and why

const key = site => site.heap + '\n' + site.stack.join('\n');

async function readSites() {
  const report = await ask('/sites.json');
  $('sampled').textContent = report.heaps.length
    ? 'One sample for each ' + size(report.heaps[0].sampleBytes) + ' allocated.'
    : 'No samples are taken yet.';
  $('site-table').tBodies[0].replaceChildren(...report.sites.slice(0, 50).map(site => {
    const grown = state.mark ? site.liveBytes - (state.mark.get(key(site)) || 0) : null;
    const stack = element('td');
    const details = element('details', undefined, 'stack');
    details.append(element('summary', site.stack[0] || '(no stack)'), element('div', site.stack.slice(1).join('\n')));
    stack.append(details);
    return row([number(size(site.liveBytes)), number(grown == null ? '' : (grown > 0 ? '+' : '') + size(grown)),
      number(count(site.liveBlocks)), number(size(site.totalBytes)), stack]);
  }));
  return report;
}

on('sites', readSites);
on('mark', async () => {
  const report = await ask('/sites.json');
  state.mark = new Map(report.sites.map(site => [key(site), site.liveBytes]));
  await readSites();
});
on('profile', async () => {
  const started = await ask('/profile?sampleBytes=' + 512 * 1024, 'POST');
  $('sampled').textContent = started.startedHeaps
    ? 'Samples are taken from now on: what was allocated before is not seen.'
    : 'The program takes samples already.';
});
on('trim', async () => {
  const report = await ask('/trim', 'POST');
  const back = report.heaps.reduce((sum, heap) => sum + Math.max(0, heap.residentBytesBefore - heap.residentBytesAfter), 0);
  $('trimmed').textContent = back ? size(back) + ' given back.' : 'There was nothing to give back.';
});
on('held', async () => {
  const report = await ask('/held.json');
  const lines = [];
  for (const heap of report.heaps) {
    lines.push(element('p', heap.slabs === 0
      ? 'Heap ' + heap.name + ': no slab holds pages for few blocks.'
      : 'Heap ' + heap.name + ': ' + count(heap.liveBlocks) + ' blocks of together ' + size(heap.liveBytes) + ' hold '
        + size(heap.heldBytes) + ' of pages in ' + count(heap.slabs) + ' slabs'
        + (heap.sites.length ? '.' : '; with -Dmalloc4j.profileBytes=1 the program would know whose they are.')));
    for (const site of heap.sites.slice(0, 20)) {
      const details = element('details', undefined, 'stack');
      details.append(
        element('summary', size(site.heldBytes) + ' by ' + count(site.liveBlocks) + ' blocks of ' + (site.stack[0] || '(no stack)')),
        element('div', site.stack.slice(1).join('\n')));
      lines.push(details);
    }
  }
  $('held-text').replaceChildren(...lines);
});

// ---- the stream

const events = new EventSource('/events');
events.onmessage = event => { say(''); show(JSON.parse(event.data)); };
events.onerror = () => say('The connection to malloc4j serve is gone; what was seen last stays here.');
events.addEventListener('end', event => {
  events.close();
  say('The process cannot be seen any more: ' + JSON.parse(event.data) + '. What was seen last stays here.');
});
window.addEventListener('resize', () => { if (view()) { drawChart(); drawMap(); } });
