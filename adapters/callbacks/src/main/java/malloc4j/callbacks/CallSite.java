package malloc4j.callbacks;

/// What a line of a C library's source has allocated: of a library that says its file and line, as OpenSSL does.
///
/// @param file as the compiler was given it, such as `crypto/asn1/asn1_lib.c`; `?` where the library does not say
/// @param line 0 where the library does not say
/// @param liveBytes the usable sizes of the blocks that are allocated and not freed
/// @param liveBlocks how many they are
/// @param totalBytes the usable sizes of all that it has allocated
/// @param totalBlocks how many they are
/// @since 0.1.0
public record CallSite(String file, int line, long liveBytes, long liveBlocks, long totalBytes, long totalBlocks) {
    /// Such as `crypto/asn1/asn1_lib.c:308  64 bytes in 2 blocks live, 4096 in 128 in all`.
    @Override
    public String toString() {
        return file + ":" + line + "  " + liveBytes + " bytes in " + liveBlocks + " blocks live, " + totalBytes + " in "
                + totalBlocks + " in all";
    }
}
