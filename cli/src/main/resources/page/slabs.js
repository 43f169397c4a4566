// The map of a heap's slabs and pages, cell by cell.
import { $, ask, color, count, hex, many, pen, say, size } from './basics.js';
import { state, view } from './heap.js';

const known = new Map(); // of nearly empty slabs, by address: whose blocks keep them

const cells = () => state.zoom || (view() && view().cells);

function grid() {
  const map = cells();
  const canvas = $('map');
  const width = canvas.clientWidth, height = canvas.clientHeight;
  const length = map ? map.address.length : 0;
  let side = Math.max(6, Math.min(24, Math.floor(Math.sqrt(width * height / Math.max(1, length)))));
  while (side > 3 && Math.ceil(length / Math.max(1, Math.floor(width / side))) * side > height) side--;
  return { map, canvas, length, side, columns: Math.max(1, Math.floor(width / side)) };
}

/** Draws all cells, unless a part of them is shown and that is of an older look. */
export function drawSlabs() {
  if (!state.zoom) paint();
}

function paint() {
  const { map, canvas, length, side, columns } = grid();
  const brush = pen(canvas);
  const colors = { live: color('--live'), free: color('--free'), returned: color('--returned'), ink: color('--ink') };
  for (let index = 0; index < length; index++) {
    const x = index % columns * side, y = Math.floor(index / columns) * side;
    const bytes = Math.max(1, map.byteSize[index]);
    const live = Math.round((side - 1) * map.liveBytes[index] / bytes);
    const free = Math.round((side - 1) * (map.liveBytes[index] + map.freeBytes[index]) / bytes);
    brush.fillStyle = colors.returned;
    brush.fillRect(x, y, side - 1, side - 1);
    brush.fillStyle = colors.free;
    brush.fillRect(x, y + side - 1 - free, side - 1, free);
    brush.fillStyle = colors.live;
    brush.fillRect(x, y + side - 1 - live, side - 1, live);
    if (index === state.cell) {
      brush.strokeStyle = colors.ink;
      brush.lineWidth = 2;
      brush.strokeRect(x + 1, y + 1, side - 3, side - 3);
    }
  }
  canvas.dataset.cells = length;
}

/** Whose blocks keep a slab, where that was asked. */
function whose(address) {
  const slab = known.get(address);
  if (!slab) return '';
  return ', nearly empty: ' + many(slab.liveBlocks, 'block') + ' hold ' + size(slab.heldBytes)
    + (slab.site ? ', by ' + slab.site + ', the oldest ' + count(slab.oldestAgeMillis / 1000) + ' s old' : '');
}

function tell(index) {
  const map = cells();
  if (!map || index < 0 || index >= map.address.length) return;
  state.cell = index;
  const block = map.blockBytes[index];
  $('cell').textContent = hex(map.address[index]) + ', ' + size(map.byteSize[index]) + ': ' + size(map.liveBytes[index])
    + ' live, ' + size(map.freeBytes[index]) + ' free and resident, ' + size(map.returnedBytes[index]) + ' returned'
    + (block ? '; a slab of blocks of ' + count(block) + ' bytes' + whose(map.address[index]) : '')
    + (state.kind === 'saved' ? '.' : state.zoom ? '. Escape zooms out.' : '. Enter or a click zooms in.');
  paint();
}

async function zoomIn() {
  const map = cells();
  if (!map || state.kind === 'saved' || state.cell < 0 || state.cell >= map.address.length) return;
  const middle = map.address[state.cell];
  const span = map.byteSize[state.cell] * 8;
  try {
    state.zoom = await ask('/cells.json?heap=' + state.heap + '&from=' + Math.max(0, middle - span) + '&to=' + (middle + span));
    tell(Math.max(0, state.zoom.address.findIndex(address => address >= middle)));
  } catch (failed) { say(failed.message); }
}

function zoomOut() {
  state.zoom = null;
  state.cell = -1;
  paint();
}

/** Learns whose blocks keep nearly empty slabs. */
export async function learnSlabs() {
  known.clear();
  for (const slab of await ask('/slabs.json')) known.set(slab.address, slab);
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
