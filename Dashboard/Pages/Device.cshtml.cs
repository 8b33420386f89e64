using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace IvrActors.Dashboard.Pages;

/// <summary>A caller registers a device. Empty for everybody: the secret of the link stands behind the # of its address, which no server sees.</summary>
[AllowAnonymous]
internal sealed class DeviceModel : PageModel;

/// <summary>A caller approves calls with a registered device. Empty for everybody: the device's browser holds the secret that it asks with.</summary>
[AllowAnonymous]
internal sealed class ApproveModel : PageModel;
