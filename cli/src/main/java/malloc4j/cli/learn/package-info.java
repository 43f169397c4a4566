/// Scenes about how Linux gives memory to a program: each puts claims of the classic texts beside what is measured
/// here, in a child JVM of its own, because it moves the break, maps, and sets limits.
///
/// ```
///   LearnCommand          list, play, show          ScenePicture, SceneSvg
///   ScenePlayer           starts the child    --->  SceneChild     plays one scene
///                                                     Scenes       which there are, in a teaching order
///   ScenePlayed  <---------------------------------   Stage        collects steps, figures, strips and claims
/// ```
@NullMarked
package malloc4j.cli.learn;

import org.jspecify.annotations.NullMarked;
