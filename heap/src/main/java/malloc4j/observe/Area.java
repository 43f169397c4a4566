package malloc4j.observe;

import malloc4j.internal.memory.Sizes;

/// A range of a process's addresses with one owner: a mapping, or a part of one.
///
/// @param address of the first byte; unsigned
/// @param byteSize a multiple of the page
/// @param kind what it is for
/// @param owner whose it is: a library, a thread, a heap; empty where the kind says it all
/// @param detail more about it, for people; or empty
/// @param use what it holds; where a mapping has several areas, its resident and swapped bytes are told apart page
///     by page, the other figures in proportion to them
/// @param mapping the mapping that it is, or is a part of
/// @since 0.1.0
public record Area(
        long address, long byteSize, AreaKind kind, String owner, String detail, MemoryUse use, MappedRange mapping) {
    /// The first address behind it; unsigned.
    public long end() {
        return address + byteSize;
    }

    /// Its addresses in hexadecimal, its size, and what the other components say.
    @Override
    public String toString() {
        return "Area[" + Sizes.range(address, end()) + " " + Sizes.text(byteSize) + ", kind=" + kind + ", owner="
                + owner + ", detail=" + detail + ", use=" + use + ", mapping=" + mapping + "]";
    }
}
