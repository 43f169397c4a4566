/// `malloc4j explain`: what native code has touched when a JVM died of it.
///
/// ```
///   CrashFile         an hs_err log (HotSpotLog) or a core (CoreFile) -> Crash: address, process, mappings
///   GuardFileSearch   where that process kept what it had guarded
///   GuardTable        reads it -> the block that the address belongs to
///   Explanation       both in a sentence
/// ```
@NullMarked
package malloc4j.cli.explain;

import org.jspecify.annotations.NullMarked;
