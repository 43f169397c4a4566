/// Child JVMs that measure one allocator each, and what commands share to run them.
///
/// ```
/// parent JVM                                                    child JVM
///   Contest        who is still in, who dropped out and why
///   ChildProcess   starts, asks, explains a death         ---->  ChildLoop      answers one line for each line asked
///   Progress, TextTable, Machine                                 MemoryProbe    resident memory, the JVM's left out
///                                                                Workers        threads that stay
/// ```
@NullMarked
package malloc4j.cli.child;

import org.jspecify.annotations.NullMarked;
