package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.internal.proc.SystemFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What to do where the kernel does not let a process be read: it depends on who asks whom.
class ReadPermissionTest {
    @TempDir
    private Path root;

    private String advice(String ours, String theirs) throws IOException {
        for (String process : new String[] {"self " + ours, "7 " + theirs}) {
            String[] words = process.split(" ", -1);
            Path directory = Files.createDirectories(root.resolve("proc").resolve(words[0]));
            Files.writeString(
                    directory.resolve("status"),
                    "Name:\tx\nUid:\t" + words[1].replace(',', '\t') + "\nGid:\t" + words[2].replace(',', '\t')
                            + "\nCapPrm:\t" + words[3] + "\nCapEff:\t" + words[3] + "\n");
        }
        return ReadPermission.advice(new SystemFiles(root), "/proc/7");
    }

    private static final String USER = "1000,1000,1000,1000 1000,1000,1000,1000 0000000000000000";

    @Test
    void anotherUsersProcessNeedsThatUser() throws IOException {
        assertThat(advice(USER, USER.replace("1000", "33")))
                .isEqualTo("run as the user of that process, or as root (CAP_SYS_PTRACE)");
        assertThat(advice(USER, "1000,0,0,0 1000,1000,1000,1000 0000000000000000"))
                .as("a program that runs as root for this user")
                .startsWith("run as the user of that process");
    }

    @Test
    void aProcessOfTheSameUserSaysWhatKeepsItApart() throws IOException {
        assertThat(advice(USER, USER))
                .startsWith("it is of the same user and does not let itself be read (not dumpable")
                .endsWith("run as root (CAP_SYS_PTRACE)");
        assertThat(advice(USER, USER.replace("0000000000000000", "0000000000000400")))
                .isEqualTo("it is of the same user and has more capabilities: run as root (CAP_SYS_PTRACE)");
        assertThat(advice(USER, "1000,1000,1000,1000 1000,5,5,5 0000000000000000"))
                .contains("of another group");
    }

    @Test
    void rootIsNotToldToBecomeRoot() throws IOException {
        assertThat(advice("0,0,0,0 0,0,0,0 00000000a80425fb", USER)).contains("add CAP_SYS_PTRACE");
    }

    @Test
    void whereNothingIsToldTheUserIsNamed() {
        assertThat(ReadPermission.advice(new SystemFiles(root.resolve("none")), "/proc/7"))
                .startsWith("run as the user of that process");
    }
}
