/// The command line `malloc4j`: [malloc4j.cli.Main] is the top command, each further command is a class of its own.
@NullMarked
package malloc4j.cli;

import org.jspecify.annotations.NullMarked;
