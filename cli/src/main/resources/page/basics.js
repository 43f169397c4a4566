// What all parts of the page use: numbers as text, elements, and questions to the command.

export const $ = id => document.getElementById(id);

const token = location.hash.slice(1);

export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes, unit = 0;
  while (Math.abs(value) >= 1023.5 && unit < units.length - 1) { value /= 1024; unit++; }
  const whole = unit === 0 || Math.abs(value) >= 99.95 || Math.round(value * 10) % 10 === 0;
  return value.toFixed(whole ? 0 : 1) + ' ' + units[unit];
}

export const count = number => Math.round(number).toLocaleString('en-US');
export const many = (number, one) => count(number) + ' ' + one + (number === 1 ? '' : 's');
export const hex = address => '0x' + address.toString(16);
export const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const time = millis => new Date(millis).toLocaleTimeString('en-GB');

export function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** A row of a table. A cell is an element, or its text and its class. */
export function row(cells) {
  const made = document.createElement('tr');
  for (const cell of cells) {
    made.append(cell instanceof Node ? cell : element('td', cell[0], cell[1]));
  }
  return made;
}

export const number = text => [text, 'number'];

/** A stack: its first frame, and the others when it is opened. */
export function stack(summary, frames) {
  const details = element('details', undefined, 'stack');
  details.append(element('summary', summary), element('div', frames.join('\n')));
  return details;
}

export function say(problem) {
  $('problem').textContent = problem;
  $('problem').hidden = !problem;
}

/** Asks the command, and changes something where the method is POST. */
export async function ask(path, method = 'GET') {
  const answer = await fetch(path, { method, headers: method === 'POST' ? { 'X-Malloc4j-Token': token } : {} });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

/** Runs what a button does, and says what went wrong. */
export async function press(button, action) {
  button.disabled = true;
  try { await action(); say(''); } catch (failed) { say(failed.message); }
  button.disabled = false;
}

export const on = (id, action) => $(id).addEventListener('click', () => press($(id), action));

/** Makes a canvas as fine as the screen, and returns its pen. */
export function pen(canvas) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const made = canvas.getContext('2d');
  made.scale(ratio, ratio);
  return made;
}
