// Scenes of how Linux gives memory: played by the command in a process of their own, shown here step by step.
import { $, ask, color, count, element, hex, number, pen, press, row, size } from './basics.js';
import { filling } from './space.js';

const STYLES = { // of each kind of piece: its colour, and what is drawn over it
  live: ['--live', ''], free: ['--free', ''], returned: ['--returned', ''], reserved: ['--back', ''],
  break: ['--jvm', ''], mapping: ['--returned', 'upright'], program: ['--returned', 'rising'],
  library: ['--returned', 'rising'], stack: ['--returned', 'level'], file: ['--back', 'level'], jvm: ['--back', 'rising'],
};
const PAUSE_MILLIS = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 600;
const HEIGHT = 34;

let drawings = []; // what is drawn anew when the page is as wide as it was not

function value(figure) {
  if (figure.unit === 'bytes') return size(figure.value);
  if (figure.unit === 'ns') return figure.value < 1e5 ? count(figure.value) + ' ns' : (figure.value / 1e6).toFixed(2) + ' ms';
  const text = Number.isInteger(figure.value) ? count(figure.value) : figure.value.toFixed(2);
  return figure.unit === 'times' ? text + ' times' : text + ' ' + figure.unit;
}

const overlap = (one, other) => one[0].from < other[other.length - 1].to && other[0].from < one[one.length - 1].to;

/** Where addresses are drawn: the strips of a scene that share some have one axis, so that what stays is seen to stay. */
function axis(strips, strip) {
  const together = [strip];
  for (let index = 0; index < together.length; index++) {
    for (const other of strips) {
      if (!together.includes(other) && overlap(together[index], other)) together.push(other);
    }
  }
  const pieces = together.flat();
  const edges = [...new Set(pieces.flatMap(piece => [piece.from, piece.to]))].sort((one, other) => one - other);
  const at = new Map([[edges[0], 0]]);
  let sum = 0;
  for (let index = 1; index < edges.length; index++) {
    const [from, to] = [edges[index - 1], edges[index]];
    const isMapped = pieces.some(piece => piece.from < to && from < piece.to);
    sum += isMapped ? 3 + Math.max(0, Math.log2((to - from) / 4096)) : 2;
    at.set(to, sum);
  }
  return address => at.get(address) / sum;
}

function box(brush, kind, x, width, height) {
  const [name, over] = STYLES[kind] || STYLES.mapping;
  brush.fillStyle = filling(name, over);
  brush.fillRect(x, 0, width, height);
  brush.strokeStyle = color('--soft');
  brush.strokeRect(x + 0.5, 0.5, Math.max(1, width - 1), height - 1);
}

function drawStrip(canvas, strip, place) {
  const brush = pen(canvas), width = canvas.clientWidth;
  for (const piece of strip) {
    const x = place(piece.from) * width;
    box(brush, piece.kind, x, place(piece.to) * width - x, HEIGHT);
  }
}

function strip(pieces, place) {
  const made = element('div');
  const canvas = element('canvas', undefined, 'strip');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', pieces.map(piece => piece.label + ' ' + size(piece.to - piece.from)).join(', '));
  const names = element('ol', undefined, 'pieces');
  names.append(...pieces.map(piece => {
    const item = element('li');
    const swatch = element('canvas', undefined, 'swatch');
    drawings.push(() => {
      swatch.width = swatch.height = 28;
      box(swatch.getContext('2d'), piece.kind, 0, 28, 28);
    });
    item.append(swatch, ' ' + piece.label + ' (' + size(piece.to - piece.from) + ')');
    item.title = hex(piece.from) + ' to ' + hex(piece.to);
    return item;
  }));
  made.append(canvas, names);
  drawings.push(() => drawStrip(canvas, pieces, place));
  return made;
}

/** What the texts claim, and whether it is so here. */
function claim(step) {
  const [sign, verdict, kind] = step.holds === true ? ['✓', 'It holds here', 'holds']
    : step.holds === false ? ['✗', 'It does not hold here', 'fails']
      : ['–', 'It cannot be shown here' + (step.reason ? ': ' + step.reason : ''), 'open'];
  const made = element('p', undefined, 'claim ' + kind);
  made.append(element('strong', sign + ' ' + verdict + '. '), step.claim || '');
  return made;
}

function show(step, strips) {
  const made = element('li');
  made.append(element('p', step.text));
  if (step.strip && step.strip.length) made.append(strip(step.strip, axis(strips, step.strip)));
  if (step.figures.length) {
    const table = element('table', undefined, 'figures');
    const body = element('tbody');
    body.append(...step.figures.map(figure => row([[figure.name], number(value(figure))])));
    table.append(body);
    made.append(table);
  }
  if (step.claim || step.reason) made.append(claim(step));
  return made;
}

const pause = millis => new Promise(done => setTimeout(done, millis));

async function playScene(scene) {
  const place = $('scene');
  place.dataset.played = '';
  place.replaceChildren(element('p', 'Playing: ' + scene.title + '.'));
  let played;
  try {
    played = await ask('/scene?name=' + encodeURIComponent(scene.name), 'POST');
  } catch (failed) {
    place.replaceChildren();
    throw failed;
  }
  drawings = [];
  const steps = element('ol', undefined, 'steps');
  place.replaceChildren(element('h3', played.title), element('p', scene.why, 'hint'), steps);
  const strips = played.steps.map(step => step.strip).filter(pieces => pieces && pieces.length);
  for (const step of played.steps) {
    steps.append(show(step, strips));
    drawScene();
    await pause(PAUSE_MILLIS);
  }
  place.append(element('p', played.verdict), element('p', 'From ' + played.source + '. Played on ' + played.playedOn + '.', 'hint'));
  place.dataset.played = scene.name;
}

export const drawScene = () => drawings.forEach(drawing => drawing());

/** Lists the scenes, with a button for each; one is played at a time. */
export async function listScenes() {
  const scenes = await ask('/scenes.json');
  $('scenes').replaceChildren(...scenes.map(scene => {
    const made = element('li');
    const button = element('button', 'Play');
    button.type = 'button';
    button.dataset.scene = scene.name;
    button.setAttribute('aria-label', 'Play: ' + scene.title);
    button.addEventListener('click', () => press(button, () => playScene(scene)));
    made.append(button, ' ', element('strong', scene.title), ' ', element('span', scene.teaser, 'hint'));
    return made;
  }));
}
