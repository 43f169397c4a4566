package malloc4j.internal.proc;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The tables in which HotSpot describes its own data to debuggers: for each field its class, its name, and the
/// offset in an object or, of a static field, the address. So a reader needs no header file and no version number:
/// what a JVM does not list is missing, and said to be.
///
/// ```
/// gHotSpotVMStructs  ->  | class | field | type | is static | offset | address |   ends with a null class
/// gHotSpotVMTypes    ->  | name | superclass | ... | size |                        ends with a null name
/// ```
///
/// Where each column lies in an entry, and how long an entry is, stands in further exported words, such as
/// `gHotSpotVMStructEntryOffsetOffset`.
///
/// @source `src/hotspot/share/runtime/vmStructs.hpp`; the JDK's own reader is `sun.jvm.hotspot.HotSpotTypeDataBase`
final class VmStructs {
    private static final int MAX_ENTRIES = 20_000; // JDK 8 to 25 have between 600 and 3,000

    private final ProcessMemory memory;
    private final Map<String, Field> fields = new HashMap<>();
    private final Map<String, Long> typeSizes = new HashMap<>();
    private @Nullable Map<String, Long> flagAddresses;

    /// One field; `address` of a static one, `offset` of another.
    private record Field(boolean isStatic, long offset, long address) {}

    private VmStructs(ProcessMemory memory) {
        this.memory = memory;
    }

    /// Reads the tables of the `libjvm.so` that `image` is.
    ///
    /// @throws IOException if it has none, or they cannot be read
    static VmStructs read(ProcessMemory memory, ElfImage image) throws IOException {
        VmStructs structs = new VmStructs(memory);
        structs.readFields(image);
        structs.readTypes(image);
        return structs;
    }

    private void readFields(ElfImage image) throws IOException {
        long entry = exported(image, "gHotSpotVMStructs");
        long stride = exported(image, "gHotSpotVMStructEntryArrayStride");
        long typeName = exported(image, "gHotSpotVMStructEntryTypeNameOffset");
        long fieldName = exported(image, "gHotSpotVMStructEntryFieldNameOffset");
        long isStatic = exported(image, "gHotSpotVMStructEntryIsStaticOffset");
        long offset = exported(image, "gHotSpotVMStructEntryOffsetOffset");
        long address = exported(image, "gHotSpotVMStructEntryAddressOffset");
        for (int count = 0; count < MAX_ENTRIES && memory.word(entry + typeName) != 0; count++, entry += stride) {
            fields.put(
                    memory.string(memory.word(entry + typeName)) + "::" + memory.string(memory.word(entry + fieldName)),
                    new Field(
                            memory.number(entry + isStatic) != 0,
                            memory.word(entry + offset),
                            memory.word(entry + address)));
        }
    }

    private void readTypes(ElfImage image) throws IOException {
        long entry = exported(image, "gHotSpotVMTypes");
        long stride = exported(image, "gHotSpotVMTypeEntryArrayStride");
        long typeName = exported(image, "gHotSpotVMTypeEntryTypeNameOffset");
        long size = exported(image, "gHotSpotVMTypeEntrySizeOffset");
        for (int count = 0; count < MAX_ENTRIES && memory.word(entry + typeName) != 0; count++, entry += stride) {
            typeSizes.put(memory.string(memory.word(entry + typeName)), memory.word(entry + size));
        }
    }

    private long exported(ElfImage image, String name) throws IOException {
        return memory.word(image.symbol(name).orElseThrow(() -> new IOException("this libjvm exports no " + name)));
    }

    /// The value of a static field of one word.
    ///
    /// @param names the field's names, `Class::field`, in the JDKs that have it; the first that this one has counts
    /// @throws IOException if it has none of them
    long staticWord(String... names) throws IOException {
        return memory.word(field(names).address());
    }

    /// The offset of a field in its object; names as for [#staticWord].
    long offset(String... names) throws IOException {
        return field(names).offset();
    }

    /// The value of a field of one word of the object at `object`.
    long wordOf(long object, String... names) throws IOException {
        return memory.word(object + offset(names));
    }

    private Field field(String... names) throws IOException {
        for (String name : names) {
            Field field = fields.get(name);
            if (field != null) {
                return field;
            }
        }
        throw new IOException("this JVM does not tell " + names[0]);
    }

    /// Whether a command line flag is set, such as `UseG1GC`; false where the JVM has no such flag.
    boolean flag(String name) throws IOException {
        Map<String, Long> addresses = flagAddresses;
        if (addresses == null) {
            addresses = readFlags();
            flagAddresses = addresses;
        }
        Long address = addresses.get(name);
        return address != null && memory.unsignedByte(address) != 0;
    }

    private Map<String, Long> readFlags() throws IOException {
        Map<String, Long> addresses = new HashMap<>();
        long flag = staticWord("JVMFlag::flags");
        long count = Math.min(staticWord("JVMFlag::numFlags"), MAX_ENTRIES);
        long nameOffset = offset("JVMFlag::_name");
        long addressOffset = offset("JVMFlag::_addr");
        Long size = typeSizes.get("JVMFlag");
        if (size == null) {
            throw new IOException("this JVM does not tell the size of JVMFlag");
        }
        for (long index = 0; index < count; index++, flag += size) {
            long name = memory.word(flag + nameOffset);
            if (name != 0) { // the last one is empty
                addresses.put(memory.string(name), memory.word(flag + addressOffset));
            }
        }
        return addresses;
    }
}
