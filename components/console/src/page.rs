//! The one page that this component has itself.

/// Shown at `/` where `web/` was never built. Plain: no script, no style, so that any policy lets it pass.
pub const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Nexus: the console is not built</title>
<h1>The web console is not built</h1>
<p>The product runs; its API is at <a href=\"/docs\">/docs</a>.
<p>To get the console, install Node.js 20.19 or later and run <code>cargo xtask build</code>, then start the product again.
</html>
";
