/// Programs that use the library as anybody would, through its public packages only.
@NullMarked
package malloc4j.examples;

import org.jspecify.annotations.NullMarked;
