/// `malloc4j serve`: a page that shows what the heaps of a running program do, on this machine alone.
///
/// ```
///   browser             PageServer       Ticker             HeapsAgent          the program
///   GET /            ->  page/*
///   GET /events      ->  a stream    <-  every 2 s, while  ->  footprints     ->  Heap.footprint
///                                        anybody watches       statistics         Heap.statistics
///                                                              snapshots          Heap.snapshot
///   GET /space.json  ->  SpaceReader ->  /proc/PID
///   POST /trim       ->  with the token                    ->  trim           ->  Heap.trim
///   POST /playground ->  Playground                        ->  a program of our own, to play with
///   POST /scene      ->  ScenePlayer                       ->  another one, for each scene
///   GET /saved.json  <-  SavedLook: what a page has saved, with the process gone
/// ```
@NullMarked
package malloc4j.cli.serve;

import org.jspecify.annotations.NullMarked;
