package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import malloc4j.linux.Mapping;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Programs and files whose names the kernel writes otherwise than they are, or that end as it says of others.
class NamesOfFilesTest {
    @TempDir
    private Path directory;

    private Path cat = Path.of("/usr/bin/cat");

    @BeforeEach
    void findProgram() throws IOException {
        assumeTrue(Files.isExecutable(cat), "there is no " + cat);
        cat = cat.toRealPath();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"a\nb", "a\\012b", "tab\tand blank", "back\\slash", "is here (deleted)", "\u00e4 \u4e2d", "x\r"})
    void aProgramOfAnyNameIsItsProcessesProgram(String name) throws Exception {
        Path program = Files.copy(cat, directory.resolve(name));
        try (IdleProcess process = IdleProcess.start(program.toString())) {
            AddressSpace space = settled(process.pid(), program);

            space.verify();
            assertThat(space.program()).isEqualTo(program.toString());
            assertThat(space.sums())
                    .as(Areas.of(space))
                    .containsKeys(AreaKind.PROGRAM_TEXT, AreaKind.PROGRAM_DATA, AreaKind.PROGRAM_CONSTANTS);
            assertThat(space.bases().program()).isPresent();
            assertThat(mappingsOfTheProgram(space)).noneMatch(MappedRange::isDeleted);
            if (!name.contains("\n")) {
                assertThat(mappingsOfTheProgram(space))
                        .allSatisfy(range -> assertThat(range.path()).isEqualTo(program.toString()));
            }

            Files.delete(program);
            AddressSpace deleted = AddressSpace.of(process.pid());
            assertThat(deleted.program()).isEqualTo(program.toString());
            assertThat(deleted.sums()).containsKeys(AreaKind.PROGRAM_TEXT);
            assertThat(mappingsOfTheProgram(deleted)).isNotEmpty().allMatch(MappedRange::isDeleted);
        }
    }

    private static AddressSpace settled(long pid, Path program) throws InterruptedException {
        AddressSpace space = AddressSpace.of(pid);
        for (int attempt = 0; attempt < 500 && !isSettled(space, program); attempt++) {
            Thread.sleep(10);
            space = AddressSpace.of(pid);
        }
        return space;
    }

    private static boolean isSettled(AddressSpace space, Path program) {
        return space.program().equals(program.toString())
                && space.mappings().stream().anyMatch(range -> range.name().contains("libc"))
                && space.sums().containsKey(AreaKind.BREAK);
    }

    private static List<MappedRange> mappingsOfTheProgram(AddressSpace space) {
        return space.areas().stream()
                .filter(area -> area.kind().group() == AreaKind.Group.PROGRAM)
                .map(Area::mapping)
                .filter(MappedRange::isFile)
                .toList();
    }

    /// The name of a file that is there, and of one that is not and was called the same.
    @Test
    void aMappedFileIsDeletedOnlyWhereItIsGone() throws IOException {
        Path file = Files.writeString(directory.resolve("is here (deleted)"), "x");
        try (Mapping mapping = Mapping.ofFile(file).map()) {
            MappedRange there = at(mapping);
            assertThat(there.isDeleted()).isFalse();
            assertThat(there.path()).isEqualTo(file.toString());
            assertThat(there.fileName()).isEqualTo("is here (deleted)");

            Files.delete(file);
            assertThat(at(mapping).isDeleted()).isTrue();
            assertThat(at(mapping).path()).isEqualTo(file.toString());

            Path other = Files.writeString(directory.resolve("is here (deleted) (deleted)"), "another file");
            assertThat(at(mapping).isDeleted()).as("which is there is " + other).isTrue();
        }
    }

    @Test
    void aMappedFileBelowADirectoryOfTwoLinesIsNotDeletedWhileItIsThere() throws IOException {
        Path file = Files.writeString(
                Files.createDirectory(directory.resolve("two\nlines")).resolve("is here (deleted)"), "x");
        try (Mapping mapping = Mapping.ofFile(file).map()) {
            assertThat(at(mapping).isDeleted()).isFalse();
            Files.delete(file);
            assertThat(at(mapping).isDeleted()).isTrue();
        }
    }

    private static MappedRange at(Mapping mapping) {
        return AddressSpace.ofThisProcess()
                .at(mapping.segment().address())
                .orElseThrow()
                .mapping();
    }
}
