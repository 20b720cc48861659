package dev.anima.cli.setup;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A project's page on a package index.
///
/// @param files by file name
record IndexPage(Map<String, Entry> files) {
  /// @param sha256 lower case hex; empty where the page does not say
  record Entry(URI address, String sha256) {}

  private static final Pattern LINK =
      Pattern.compile(
          "<a\\s[^>]*?href\\s*=\\s*(?:\"([^\"]*)\"|'([^']*)')", Pattern.CASE_INSENSITIVE);

  private static final String HASH = "sha256=";

  /// Reads a page as PEP 691 (JSON) or PEP 503 (HTML) defines it.
  ///
  /// @param from the page's address, which relative links start from
  /// @throws IllegalArgumentException if it is not such a page
  static IndexPage parse(String text, boolean json, URI from) {
    return json ? ofJson(text, from) : ofHtml(text, from);
  }

  private static IndexPage ofJson(String text, URI from) {
    Map<String, Entry> files = new HashMap<>();
    try {
      for (JsonNode file : JsonMapper.shared().readTree(text).path("files")) {
        files.put(
            file.path("filename").asString(""),
            new Entry(
                from.resolve(file.path("url").asString("")),
                hex(file.path("hashes").path("sha256").asString(""))));
      }
    } catch (JacksonException e) {
      throw new IllegalArgumentException(e);
    }
    return new IndexPage(files);
  }

  private static IndexPage ofHtml(String text, URI from) {
    Map<String, Entry> files = new HashMap<>();
    Matcher link = LINK.matcher(text);
    while (link.find()) {
      String target = link.group(1) != null ? link.group(1) : link.group(2);
      URI address = from.resolve(target.replace("&amp;", "&"));
      String path = address.getRawPath() == null ? "" : address.getRawPath();
      // "+" means itself in a path, where URLDecoder would read a blank.
      String name =
          URLDecoder.decode(
              path.substring(path.lastIndexOf('/') + 1).replace("+", "%2B"),
              StandardCharsets.UTF_8);
      String fragment = address.getFragment() == null ? "" : address.getFragment();
      String sha256 = fragment.startsWith(HASH) ? hex(fragment.substring(HASH.length())) : "";
      files.put(name, new Entry(address, sha256));
    }
    return new IndexPage(files);
  }

  private static String hex(String digest) {
    return digest.strip().toLowerCase(Locale.ROOT);
  }
}
