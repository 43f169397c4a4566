package malloc4j.observe;

import malloc4j.internal.memory.Sizes;

/// One mapping of a process, as the kernel tells it: a line of `/proc/PID/maps` and the figures of its smaps.
///
/// ```
/// 7f0dc2d86000-7f0dc2d93000 rw-p 00001000 fe:00 339380   /usr/lib/x86_64-linux-gnu/libc.so.6
/// address      address+size |    fileOffset     inode    name
///                        rights           device
/// ```
///
/// @param address of the first byte; unsigned, as the highest mapping of x86-64 is above 2^63
/// @param byteSize a multiple of the page
/// @param rights four letters: `r` read, `w` write, `x` execute, and `p` private or `s` shared
/// @param fileOffset where in the file the mapping begins, in bytes
/// @param device the file's, `major:minor` in hexadecimal; `00:00` for none
/// @param inode the file's, 0 for none
/// @param name a file's path, in which the kernel writes a newline as `\012` and adds ` (deleted)` when the file is
///     gone; the kernel's own name, such as `[heap]`; or empty
/// @param flags the kernel's two-letter flags (`VmFlags`), such as `lo` locked, `dd` not dumped, `nh` no huge
///     pages; empty before Linux 3.8
/// @param use what it holds
/// @param isDeleted whether the file has no name any more: ` (deleted)` at the end of `name` is the kernel's word then,
///     and else a part of the file's own name
/// @source [proc_pid_maps(5)](https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html)
/// @since 0.1.0
public record MappedRange(
        long address,
        long byteSize,
        String rights,
        long fileOffset,
        String device,
        long inode,
        String name,
        String flags,
        MemoryUse use,
        boolean isDeleted) {
    private static final String DELETED = " (deleted)";

    /// One whose file has no name any more if the name ends as the kernel says that.
    public MappedRange(
            long address,
            long byteSize,
            String rights,
            long fileOffset,
            String device,
            long inode,
            String name,
            String flags,
            MemoryUse use) {
        this(address, byteSize, rights, fileOffset, device, inode, name, flags, use, name.endsWith(DELETED));
    }

    /// The first address behind it; unsigned.
    public long end() {
        return address + byteSize;
    }

    /// Whether it can be neither read nor written nor executed: addresses without memory.
    public boolean isReserved() {
        return rights.startsWith("---");
    }

    public boolean isWritable() {
        return rights.charAt(1) == 'w';
    }

    public boolean isExecutable() {
        return rights.charAt(2) == 'x';
    }

    public boolean isShared() {
        return rights.charAt(3) == 's';
    }

    /// Whether it is private memory without a file. The program may have named it (`[anon:NAME]`, Linux 5.17).
    public boolean isAnonymous() {
        return inode == 0 && !isShared() && (name.isEmpty() || name.startsWith("[anon:"));
    }

    /// Whether the kernel's flags have `flag`, two letters.
    public boolean hasFlag(String flag) {
        return flags.startsWith(flag) || flags.contains(" " + flag);
    }

    /// Whether the name is a path in the file system.
    public boolean isFile() {
        return name.startsWith("/");
    }

    /// Whether it is of the same file as another one: by device and inode, as two files may be written alike.
    public boolean isOfSameFile(MappedRange other) {
        return inode == other.inode && device.equals(other.device) && (inode != 0 || name.equals(other.name));
    }

    /// The name without the kernel's ` (deleted)`.
    public String path() {
        return isDeleted() ? name.substring(0, name.length() - DELETED.length()) : name;
    }

    /// This range with a file that has its name still, though that ends with the kernel's word for one that has not.
    public MappedRange withName() {
        return new MappedRange(address, byteSize, rights, fileOffset, device, inode, name, flags, use, false);
    }

    /// The last part of the path, or the name where that is no path.
    public String fileName() {
        return isFile() ? path().substring(path().lastIndexOf('/') + 1) : name;
    }

    /// As the kernel writes it, with the size and what it holds.
    @Override
    public String toString() {
        return "MappedRange[" + Sizes.range(address, end()) + " " + rights + " " + Sizes.text(byteSize)
                + ", fileOffset="
                + Sizes.hex(fileOffset) + ", device=" + device + ", inode=" + inode + ", name=" + name + ", flags="
                + flags
                + ", use=" + use + (isDeleted ? ", deleted" : "") + "]";
    }
}
