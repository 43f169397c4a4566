/// What a process has of memory, and what it may have: this one, and any other that may be read.
///
/// | what | class | read from |
/// |---|---|---|
/// | what lies where in a process, and whose it is | [malloc4j.process.AddressSpace] | `/proc`, HotSpot's tables |
/// | what may stop it from having more | [malloc4j.process.MemoryLimits] | `/proc`, `/sys`, control groups |
/// | one answer, or why there is none | [malloc4j.process.Reading] | |
///
/// All of it is read at the moment of the call and changes nothing. A process that may not be read, is not there, or
/// ends meanwhile is an [malloc4j.process.UnreadableProcessException], which says what to do; where only a part
/// cannot be read, that part says so. No native access is needed.
@NullMarked
package malloc4j.process;

import org.jspecify.annotations.NullMarked;
