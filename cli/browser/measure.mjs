// Measures the page on a large process: how soon it is there, what a look takes on the wire and to draw, and what it costs
// the process to be watched.
import { readFileSync } from 'node:fs';
import { browse, java, open, serve, start } from './support.mjs';

const SECONDS = 60;
const TICKS_PER_SECOND = 100; // USER_HZ

/** CPU time of a process so far, in seconds. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const pause = seconds => new Promise(done => setTimeout(done, seconds * 1000));

async function share(pid) {
  const before = cpuSeconds(pid);
  await pause(SECONDS);
  return 100 * (cpuSeconds(pid) - before) / SECONDS;
}

const program = java('Large.java');
const pid = await program.line();
const idle = await share(pid);
const command = await serve(pid);
const browser = await browse();
try {
  const firsts = [];
  let page;
  for (let turn = 0; turn < 5; turn++) {
    await page?.close();
    page = await open(browser, command.url, []);
    firsts.push(Number(await page.getAttribute('body', 'data-first-millis')));
  }
  await page.waitForSelector('body[data-break-end]');
  const json = await page.evaluate(() => fetch('/snapshot.json').then(answer => answer.text()));
  const space = await page.evaluate(() => fetch('/space.json').then(answer => answer.text()));
  await page.evaluate(() => {
    window.draws = [];
    new MutationObserver(() => window.draws.push(Number(document.body.dataset.drawMillis) + Number(document.body.dataset.spaceMillis)))
      .observe(document.body, { attributeFilter: ['data-draw-millis'] });
  });
  const watched = await share(pid);
  const draws = await page.evaluate(() => window.draws);
  draws.sort((one, other) => one - other);
  const { heaps } = JSON.parse(json);
  console.log(JSON.stringify({
    liveBlocks: heaps[0].counts.liveBlocks,
    mappedBytes: heaps[0].footprint.mappedBytes,
    firstScreenMillis: firsts,
    tickBytes: json.length,
    spaceBytes: space.length,
    looks: draws.length,
    drawMillisMedian: draws[draws.length >> 1],
    drawMillisMost: draws[draws.length - 1],
    idlePercent: Number(idle.toFixed(2)),
    watchedPercent: Number(watched.toFixed(2)),
  }, null, 1));
} finally {
  await browser.close();
  command.child.kill();
  program.child.kill();
}
