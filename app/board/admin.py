"""The admin: where notices are written and rooms are made. Saving a notice puts it on every open page."""

from django.contrib import admin

from board.models import Message, Notice, Room

admin.site.site_header = admin.site.site_title = "Noticeboard"
admin.site.index_title = "Administration"


@admin.register(Notice)
class NoticeAdmin(admin.ModelAdmin):
    list_display = ("title", "published", "author", "important", "withdrawn")
    list_filter = ("important", "withdrawn")
    search_fields = ("title", "text")
    actions = ("withdraw",)

    def save_model(self, request, obj, form, change) -> None:
        if not change:
            obj.author = request.user
        obj.save()

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # a deleted row could not tell a page that was away; withdrawing can

    @admin.action(description="Withdraw from every page", permissions=["change"])
    def withdraw(self, request, queryset) -> None:
        for notice in queryset.filter(withdrawn=False):
            notice.withdrawn = True
            notice.save(update_fields=["withdrawn"])


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):
    list_display = ("name", "about", "private")
    prepopulated_fields = {"slug": ("name",)}  # noqa: RUF012 - Django's own form
    filter_horizontal = ("members",)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    list_display = ("room", "number", "author", "posted", "text")
    list_filter = ("room",)
    list_select_related = ("room", "author")
    search_fields = ("text",)

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False
