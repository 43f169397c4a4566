package malloc4j.cli;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What `java -jar` starts: [Main] in this JVM where that is new enough, else in a JVM of a JDK that is, found by the
 * rule of the launcher `malloc4j`. Compiled for Java 8, so that old JVMs get as far as this, and say in one line what
 * is missing instead of `UnsupportedClassVersionError`.
 */
public final class Start {
    private static final int OLDEST_JAVA = 25;
    private static final int ENVIRONMENT_CANNOT = 3;
    private static final String MAIN = "malloc4j.cli.Main";

    private Start() {}

    public static void main(String[] arguments) throws Exception {
        if (major(System.getProperty("java.specification.version", "")) >= OLDEST_JAVA) {
            Class.forName(MAIN).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } else {
            System.exit(elsewhere(arguments, new TreeMap<>(System.getenv()), new File("/"), System.err));
        }
    }

    /**
     * Runs the command line in a JVM of another JDK.
     *
     * @param root under which JDKs are looked for
     * @return its exit code, or 3 where there is no such JDK
     */
    static int elsewhere(String[] arguments, Map<String, String> environment, File root, PrintStream err)
            throws IOException, InterruptedException, URISyntaxException {
        File jdk = findJdk(environment, root);
        if (jdk == null) {
            err.println(
                    "malloc4j: needs Java " + OLDEST_JAVA + " or newer, this is " + System.getProperty("java.version")
                            + ", and no other was found: install one or set JAVA_HOME to it");
            return ENVIRONMENT_CANNOT;
        }
        File self = new File(
                Start.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<String> command = new ArrayList<>();
        command.add(new File(jdk, "bin/java").getPath());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-cp");
        command.add(self.getPath());
        command.add(MAIN);
        command.addAll(Arrays.asList(arguments));
        Process process = new ProcessBuilder(command).inheritIO().start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(process)));
        return process.waitFor();
    }

    private static void end(Process process) {
        process.destroy();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * The first JDK that is new enough, null where there is none: by variables of the environment, by `java` in `PATH`,
     * then where JDKs are usually installed. As `find_jdk` of the launcher.
     */
    static File findJdk(Map<String, String> environment, File root) {
        List<File> candidates = new ArrayList<>();
        addVariable(candidates, environment.get("JAVA_HOME"));
        for (Map.Entry<String, String> variable : environment.entrySet()) {
            if (variable.getKey().matches("JAVA[A-Za-z0-9_]*HOME[A-Za-z0-9_]*")) {
                addVariable(candidates, variable.getValue());
            }
        }
        addOfPath(candidates, environment.get("PATH"));
        String home = environment.containsKey("HOME") ? environment.get("HOME") : "/nonexistent";
        String data = orElse(environment.get("XDG_DATA_HOME"), home + "/.local/share");
        String mise = orElse(environment.get("MISE_DATA_DIR"), data + "/mise");
        String asdf = orElse(environment.get("ASDF_DATA_DIR"), home + "/.asdf");
        addAll(candidates, new File(root, "usr/lib/jvm"), "");
        addAll(candidates, new File(home, ".jdks"), "");
        addAll(candidates, new File(home, ".sdkman/candidates/java"), "");
        candidates.add(new File(root, "opt/java"));
        addAll(candidates, new File(root, "opt/java"), "");
        addAll(candidates, new File(root, "opt"), "jdk");
        addAll(candidates, new File(mise, "installs/java"), "");
        addAll(candidates, new File(asdf, "installs/java"), "");
        addAll(candidates, new File(home, ".m2/jdks"), "");
        addAll(candidates, new File(home, ".gradle/jdks"), "");
        addAll(candidates, new File(root, "usr/java"), "");
        addAll(candidates, new File(root, "usr/jdk"), "");
        addAll(candidates, new File(root, "usr/local/java"), "");
        for (File candidate : candidates) {
            if (new File(candidate, "bin/java").canExecute() && javaOf(new File(candidate, "release")) >= OLDEST_JAVA) {
                return candidate;
            }
        }
        return null;
    }

    private static String orElse(String value, String other) {
        return value == null || value.isEmpty() ? other : value;
    }

    private static void addVariable(List<File> candidates, String value) {
        if (value != null && !value.isEmpty()) {
            candidates.add(new File(value));
        }
    }

    /** The JDK of the first `java` in the path, wherever the link leads to. */
    private static void addOfPath(List<File> candidates, String path) {
        for (String folder : orElse(path, "").split(File.pathSeparator)) {
            File java = new File(folder, "java");
            if (!folder.isEmpty() && java.canExecute() && !java.isDirectory()) {
                try {
                    candidates.add(java.getCanonicalFile().getParentFile().getParentFile());
                } catch (IOException noSuchFile) {
                    // then it is none
                }
                return;
            }
        }
    }

    private static void addAll(List<File> candidates, File folder, String prefix) {
        File[] found = folder.listFiles();
        if (found != null) {
            Arrays.sort(found);
            for (File each : found) {
                if (each.getName().startsWith(prefix)) {
                    candidates.add(each);
                }
            }
        }
    }

    /** The number in a line such as `JAVA_VERSION="25.0.3"`, 0 where there is none. */
    private static int javaOf(File release) {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(new FileInputStream(release), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("JAVA_VERSION=")) {
                    return major(line.substring("JAVA_VERSION=".length()).replace("\"", ""));
                }
            }
        } catch (IOException unreadable) {
            // then it is none
        }
        return 0;
    }

    private static int major(String version) {
        String digits = version.split("[^0-9]", 2)[0];
        return digits.isEmpty() ? 0 : Integer.parseInt(digits);
    }
}
