"""Android account types and the platforms behind them: what makes ``platform:handle``."""

from __future__ import annotations

# Types as the apps' authenticators register them.
_PLATFORMS = {
    "com.google": "google",
    "com.google.work": "google",
    "com.facebook.auth.login": "facebook",
    "com.facebook.messenger": "facebook",
    "com.facebook.lite": "facebook",
    "com.instagram.android": "instagram",
    "com.twitter.android.auth.login": "twitter",
    "com.whatsapp": "whatsapp",
    "com.whatsapp.w4b": "whatsapp",
    "com.zhiliaoapp.musically": "tiktok",
    "com.ss.android.ugc.trill": "tiktok",
    "com.ss.android.ugc.aweme": "douyin",
    "org.telegram.messenger": "telegram",
    "com.linkedin.android": "linkedin",
    "com.tencent.mm.account": "wechat",
    "com.vkontakte.account": "vk",
    "com.xiaomi": "xiaomi",
    "com.osp.app.signin": "samsung",
    "com.huawei.hwid": "huawei",
    "com.microsoft.workaccount": "microsoft",
    "com.microsoft.office": "microsoft",
    "com.skype.contacts.sync": "skype",
    "com.viber.voip": "viber",
    "com.snapchat.android": "snapchat",
}
_PREFIXES = ("com", "org", "net", "io", "app", "me", "tv", "jp", "kr", "cn", "ru", "de", "fr", "br", "in", "co")


def platform(kind: str) -> str:
    """The platform of an account type; one that is not listed is named by its domain, else by itself."""
    known = _PLATFORMS.get(kind)
    if known:
        return known
    labels = kind.lower().split(".")
    if len(labels) > 1 and labels[0] in _PREFIXES:
        return labels[1]
    return kind.lower().replace(":", "_")


def account(name: str, kind: str) -> str:
    """``platform:handle``."""
    return f"{platform(kind)}:{name}"
