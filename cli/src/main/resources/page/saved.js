// All that was seen, as a file, and back from one.
import { $, ask, on, say, time } from './basics.js';
import { LINES, remember, state } from './heap.js';
import { answers, readHeld, readSites, showHeld, showLeaks, showSites } from './questions.js';
import { refreshSpace, showSpace, space } from './space.js';

const FORMAT = 'malloc4j-look';
const VERSION = 1;

/** What a file has. What cannot be asked any more is as it was asked last. */
async function everything() {
  await Promise.all([readSites(), readHeld(), refreshSpace()].map(asked => asked.catch(() => {})));
  const lines = [...state.history].map(([heapId, columns]) => {
    const made = { heapId, seconds: columns[0] };
    LINES.forEach(([, field], index) => { made[field] = columns[index + 1]; });
    return made;
  });
  return {
    format: FORMAT, version: VERSION, savedMillis: Date.now(), observation: state.seen, lines, space: space(), ...answers,
  };
}

on('save', async () => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(await everything())], { type: 'application/json' }));
  link.download = 'malloc4j-' + state.seen.pid + '.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  $('saved').textContent = 'Saved as ' + link.download + ': ./malloc4j serve --open shows it.';
});

/** Takes what the command has read from a file; `show` draws an observation. */
export async function open(show) {
  const look = await ask('/saved.json');
  for (const lines of look.lines) {
    state.history.set(lines.heapId, [lines.seconds, ...LINES.map(([, field]) => lines[field])]);
  }
  if (!look.lines.length) remember(look.observation);
  if (look.space) showSpace(look.space);
  if (look.sites) showSites(look.sites);
  if (look.held) showHeld(look.held);
  if (look.leaks) showLeaks(look.leaks);
  show(look.observation);
  say('');
  $('saved').textContent = 'A saved look, of ' + new Date(look.savedMillis).toLocaleDateString('en-CA') + ' '
    + time(look.savedMillis) + '. The process is not asked.';
}
