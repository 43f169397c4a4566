/// `malloc4j replay`: real programs' allocation traces, replayed on this allocator and on its peers.
///
/// ```
/// parent JVM                                             child JVM, one an allocator (and one more for its memory)
///   ReplayCommand   arguments, what to print, exit code
///   ReplaySession   one trace on all allocators     ---->  ReplayChild      answers one line for each line asked
///   ChildProcess    starts, asks, explains a death         Replayer         rounds on Workers, in Schedule's order
///   TraceReader     text -> Trace -> TraceImage     ====>  ReplayLoop       the timed loop, over one Allocator
///   ReplayReport    JSON; ReplayTable for people           MemoryProbe      resident memory, the JVM's left out
/// ```
@NullMarked
package malloc4j.cli.replay;

import org.jspecify.annotations.NullMarked;
