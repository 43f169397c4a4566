/// Linux memory for Java: what a process can ask the kernel about memory, as objects that are closed, with errors
/// that say what to do.
///
/// | what | class | the kernel's words |
/// |---|---|---|
/// | memory of one's own, or a file as memory | [malloc4j.linux.Mapping] | `mmap` and all its kin |
/// | advice about it, every value there is | [malloc4j.linux.MemoryAdvice] | `madvise` |
/// | memory that processes share | [malloc4j.linux.SharedMemory] | `shm_open`, `memfd_create` |
/// | pages that are not swapped out | [malloc4j.linux.MemoryLock] | `mlock`, `mlock2`, `mlockall` |
/// | keys and passwords | [malloc4j.linux.SecretMemory] | `memfd_secret`, guards, `MADV_DONTDUMP` |
/// | the end of the program's data | [malloc4j.linux.ProgramBreak] | `sbrk` |
///
/// Some of them together:
///
/// ```java
/// import malloc4j.linux.Mapping;
/// import malloc4j.linux.MemoryAdvice;
/// import malloc4j.linux.MemoryLock;
/// import malloc4j.process.AddressSpace;
///
/// void main() {
///     try (Mapping buffer = Mapping.anonymous(1 << 20).map()) {
///         try (MemoryLock lock = MemoryLock.lock(buffer.segment(0, 8_192))) {
///             String flags = AddressSpace.ofThisProcess().at(lock.address()).orElseThrow().mapping().flags();
///             if (!flags.contains("lo") || buffer.residentBytes() < 8_192) throw new AssertionError(flags);
///         } // unlocked
///         buffer.segment().fill((byte) 1);
///         buffer.advise(MemoryAdvice.DONTNEED); // its pages are the kernel's again, and read as zero
///         if (buffer.residentBytes() != 0) throw new AssertionError(buffer);
///     } // unmapped
/// }
/// ```
///
/// **Errors.** A call that the kernel refuses throws [malloc4j.linux.SystemCallException]: the call with its
/// arguments and their units, the name of `errno`, and what to do. A wrong argument is an
/// `IllegalArgumentException`, a wrong moment an `IllegalStateException`. Whatever is thrown, nothing is left
/// mapped, open or locked.
///
/// **Closing.** What is made here is kept until it is closed, not until it is collected. Closing twice is harmless.
///
/// Segments from here obey the rules of the JDK: after the memory has gone they throw. Raw addresses have no such
/// guard. All sizes and offsets are in bytes and may be far above 2 GiB.
@NullMarked
package malloc4j.linux;

import org.jspecify.annotations.NullMarked;
