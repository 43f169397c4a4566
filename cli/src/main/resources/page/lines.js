// Lines over time, with what has happened marked on them and listed below.
import { $, color, count, element, many, row, size, time } from './basics.js';
import { LINES, state } from './heap.js';

/** Of each kind of event: its mark, its colour, and what it says. */
const MARKS = {
  MAPPED: ['▲', '--live', 'mapped', event => 'got ' + size(event.amount) + ' of addresses'],
  UNMAPPED: ['▼', '--extra', 'unmapped', event => 'gave ' + size(event.amount) + ' of addresses back'],
  TRIMMED: ['◆', '--soft', 'trimmed', event => 'gave ' + size(event.amount) + ' of memory back, when this page asked'],
  PURGED: ['◇', '--soft', 'purged', event => 'gave ' + size(event.amount) + ' of memory back'],
  REFUSED: ['✕', '--ink', 'refused', event => 'refused ' + many(event.amount, 'request')],
  SOFT_LIMIT: ['○', '--ink', 'soft limit passed', event => 'passed its soft limit of ' + size(event.amount)],
  HARD_LIMIT: ['●', '--ink', 'hard limit met', event => 'met its hard limit of ' + size(event.amount)],
};
const LANE = 13;

let chart = null;

const happened = () => (state.seen ? state.seen.events : []).filter(event => event.heapId === state.heap);

export function drawLines() {
  const columns = state.history.get(state.heap);
  const width = Math.max(200, $('chart').clientWidth);
  const ink = color('--ink');
  if (!columns) return;
  if (chart && chart.heap === state.heap && chart.width === width && chart.ink === ink) {
    chart.plot.setData(columns);
  } else {
    if (chart) chart.plot.destroy();
    chart = { plot: plot(columns, width), heap: state.heap, width, ink };
  }
  drawList();
}

function plot(columns, width) {
  const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line') } };
  return new uPlot({
    width, height: 240,
    scales: {
      x: { range: (u, min, max) => [Math.min(min, max - 60), max] },
      y: { range: (u, min, max) => [0, Math.max(1, max * 1.15)] },
    },
    axes: [axis, { ...axis, size: 80, incrs: Array.from({ length: 50 }, (_, power) => 2 ** power), values: (u, values) => values.map(size) }],
    series: [{}, ...LINES.map(([label, , stroke, dash]) => ({
      label, stroke: color(stroke), width: 2, dash, value: (u, value) => value == null ? '' : size(value),
    }))],
    hooks: { draw: [drawMarks] },
  }, columns, $('chart'));
}

/** Marks above the lines; what is refused, or meets a limit, gets a line down to the axis. */
function drawMarks(u) {
  const pen = u.ctx, ratio = window.devicePixelRatio || 1;
  pen.save();
  pen.font = LANE * ratio + 'px system-ui, sans-serif';
  pen.textAlign = 'center';
  pen.textBaseline = 'top';
  let drawn = 0;
  for (const event of happened()) {
    const x = u.valToPos(event.timeMillis / 1000, 'x', true);
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
    const [mark, stroke] = MARKS[event.kind];
    pen.fillStyle = pen.strokeStyle = color(stroke);
    pen.fillText(mark, x, u.bbox.top + 2 * ratio);
    if (stroke === '--ink') {
      pen.setLineDash([3 * ratio, 3 * ratio]);
      pen.beginPath();
      pen.moveTo(x, u.bbox.top + (LANE + 4) * ratio);
      pen.lineTo(x, u.bbox.top + u.bbox.height);
      pen.stroke();
    }
    drawn++;
  }
  pen.restore();
  $('chart').dataset.marks = drawn;
}

function drawList() {
  const events = happened();
  const newest = String(events.length ? events[events.length - 1].number : 0) + ' ' + state.heap;
  if ($('event-list').dataset.newest === newest) return;
  $('event-list').dataset.newest = newest;
  $('event-list').tBodies[0].replaceChildren(...events.toReversed().map(event => {
    const [mark, , , text] = MARKS[event.kind];
    const made = row([[time(event.timeMillis), 'number'], [mark], [text(event)]]);
    made.dataset.kind = event.kind;
    return made;
  }));
  $('event-none').hidden = events.length > 0;
  $('event-count').textContent = events.length ? '(' + count(events.length) + ')' : '';
}

export function drawLegend() {
  $('marks').replaceChildren(...Object.values(MARKS).map(([mark, stroke, label]) => {
    const made = element('span', undefined, 'mark');
    const sign = element('span', mark);
    sign.style.color = color(stroke);
    made.append(sign, ' ' + label);
    return made;
  }));
}
