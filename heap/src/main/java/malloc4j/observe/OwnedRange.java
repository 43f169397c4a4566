package malloc4j.observe;

import malloc4j.internal.memory.Sizes;

/// What somebody says of a range of a process's addresses: the process itself, or its JVM, of what cannot be seen from
/// outside. `AddressSpace.of` takes such words.
///
/// @param address of the first byte
/// @param byteSize above 0
/// @param kind what it is for
/// @param owner whose it is; empty where the kind says it all
/// @param detail more about it, for people; or empty
/// @since 0.1.0
public record OwnedRange(long address, long byteSize, AreaKind kind, String owner, String detail) {
    /// The first address behind it.
    public long end() {
        return address + byteSize;
    }

    /// Its addresses in hexadecimal, its size, and whose it is.
    @Override
    public String toString() {
        return "OwnedRange[" + Sizes.range(address, end()) + " " + Sizes.text(byteSize) + ", kind=" + kind + ", owner="
                + owner + ", detail=" + detail + "]";
    }
}
