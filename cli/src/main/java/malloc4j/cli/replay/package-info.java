/// `malloc4j replay`: real programs' allocations, of our traces or heaptrack's, replayed on this allocator and its
/// peers.
///
/// ```
/// parent JVM                                             child JVM, one an allocator (and one more for its memory)
///   ReplayCommand   arguments, what to print, exit code
///   ReplaySession   one trace on all allocators     ---->  ReplayChild      answers
///   TraceReader     file -> Trace -> TraceImage     ====>  Replayer         rounds on Workers, in Schedule's order
///   ReplayReport    JSON; ReplayTable for people           ReplayLoop       the timed loop, over one Allocator
///   ReplayComparison   for the page of --report
/// ```
@NullMarked
package malloc4j.cli.replay;

import org.jspecify.annotations.NullMarked;
