// A heap to play with: blocks are allocated, written and freed by hand.
import { $, ask, count, element, hex, number, on, press, row, size } from './basics.js';
import { refreshSpace } from './space.js';

/** A number of bytes, as people write it: 100, 64K, 1.5 MiB. */
function bytes(text) {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*$/i.exec(text);
  if (!match) throw new Error(text + ': write bytes as 100, 64K or 2M');
  return Math.round(Number(match[1]) * 1024 ** ' kmg'.indexOf(match[2].toLowerCase() || ' '));
}

function button(text, label, action) {
  const made = element('button', text);
  made.type = 'button';
  made.setAttribute('aria-label', label);
  made.addEventListener('click', () => press(made, action));
  return made;
}

function show(state) {
  $('play-said').replaceChildren(...state.sentences.map(sentence => element('p', sentence)));
  $('play-sum').textContent = count(state.liveBlocks) + ' blocks, ' + size(state.liveBytes) + ' of use, '
    + size(state.residentBytes) + ' in memory'
    + (state.blocks.length < state.liveBlocks ? '. The newest ' + state.blocks.length + ':' : '.');
  $('blocks').tBodies[0].replaceChildren(...state.blocks.map(block => {
    const actions = element('td', undefined, 'actions');
    actions.append(
      button('Write', 'Write block ' + block.number, () => change('touch?block=' + block.number)),
      button('Free', 'Free block ' + block.number, () => change('free?block=' + block.number)));
    const made = row([number('#' + block.number), [hex(block.address), 'number'], number(size(block.byteSize)),
      number(size(block.usableBytes)), number(size(block.residentBytes)), [block.place], actions]);
    made.dataset.block = block.number;
    return made;
  }));
  $('blocks').dataset.live = state.liveBlocks;
}

async function change(what) {
  show(await ask('/playground/' + what, 'POST'));
  await refreshSpace();
}

/** Shows the section. */
export async function play() {
  show(await ask('/playground.json'));
}

on('play-malloc', () => change('malloc?count=' + Number($('play-count').value) + '&bytes=' + bytes($('play-bytes').value)
  + '&policy=' + $('play-policy').value));
on('play-trim', () => change('trim'));
