// The page of `malloc4j serve`: draws what /events brings. Every number is in /snapshot.json as well.
import { $, ask, say } from './basics.js';
import { drawHeap, remember, see, state, view } from './heap.js';
import { drawLegend, drawLines } from './lines.js';
import { play } from './playground.js';
import './questions.js';
import { open } from './saved.js';
import { drawScene, listScenes } from './scenes.js';
import { drawSlabs } from './slabs.js';
import { drawSpace, drawSpaceLegend, refreshSpace } from './space.js';

function draw() {
  if (!view()) return;
  const begin = performance.now();
  drawHeap(draw);
  drawLines();
  drawSlabs();
  document.body.dataset.drawMillis = (performance.now() - begin).toFixed(1);
}

function show(seen) {
  see(seen);
  draw();
  document.body.dataset.firstMillis ||= performance.now().toFixed();
  document.body.dataset.tick = seen.tick;
}

function watch() {
  const events = new EventSource('/events');
  events.onmessage = event => {
    say('');
    const seen = JSON.parse(event.data);
    remember(seen);
    show(seen);
    refreshSpace();
  };
  events.onerror = () => say('The connection to malloc4j serve is gone; what was seen last stays here.');
  events.addEventListener('end', event => {
    events.close();
    say('The process cannot be seen any more: ' + JSON.parse(event.data) + '. What was seen last stays here.');
  });
}

function drawLegends() {
  drawLegend();
  drawSpaceLegend();
}

function drawAll() {
  draw();
  drawSpace();
  drawScene();
}

async function begin() {
  state.kind = (await ask('/page.json')).kind;
  document.body.dataset.kind = state.kind;
  drawLegends();
  if (state.kind === 'saved') {
    await open(show);
  } else {
    watch();
    if (state.kind === 'playground') await play();
    await listScenes();
  }
}

window.addEventListener('resize', drawAll);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { drawLegends(); drawAll(); });
begin().catch(failed => say(failed.message));
